"""The board as records, before anybody draws it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import clinicflow_flask.pages
from clinicflow_core.desk import schedule
from clinicflow_core.desk.schedule import DaySpan, DoctorDay, ScheduledVisit
from clinicflow_core.entities.appointment import Appointment, Status
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.memory import MemoryStore
from clinicflow_core.timespan import TimeSpan, local_day, midnight, visit_time
from clinicflow_flask.pages.board import (
    MOST_LANES,
    STEP,
    Board,
    Box,
    Column,
    FreeBox,
    OffBox,
    Stretch,
    VisitBox,
    board,
    color_for,
    color_of,
    state_of,
    stretch_of,
)
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    Watch,
    appointment,
    clock,
    doctor,
    fields_of,
    hours,
    open_clinic,
    time_off,
)
from tests.core.desk.acts import set_policy, take_off

TUESDAY = DAY + timedelta(days=1)
EARLY = datetime(2026, 3, 2, 7, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)
"""On which clocks in New York go from 2:00 to 3:00, and from 2:00 to 1:00."""


def span(words: str, on: date = DAY) -> DaySpan:
    """Return "22:00-06:00", which ends the next day, in UTC."""
    start, end = map(clock, words.split("-"))
    starts_at = datetime.combine(on, start, UTC)
    ends_at = datetime.combine(on, end, UTC)
    if ends_at <= starts_at:
        ends_at += timedelta(days=1)
    return DaySpan(start_time=start, end_time=end, starts_at=starts_at, ends_at=ends_at)


def visit(
    words: str, status: Status = Status.CONFIRMED, on: date = DAY
) -> ScheduledVisit:
    return ScheduledVisit(
        appointment=appointment(words, on=on, zone=UTC_ZONE, status=status),
        patient_name="Ann Lee",
    )


def doctor_day(
    *visits: ScheduledVisit,
    working: str = "09:00-12:00",
    free: str = "",
    time_off: tuple[TimeOff, ...] = (),
    offered: tuple[DaySpan, ...] = (),
    going_on: tuple[ScheduledVisit, ...] = (),
    closed: bool = False,
) -> DoctorDay:
    return DoctorDay(
        doctor=doctor(),
        working=tuple(span(each) for each in working.split()),
        time_off=time_off,
        closed=closed,
        offered=offered,
        free=tuple(span(each) for each in free.split()),
        visits=visits,
        going_on=going_on,
    )


def off(starts: str, ends: str) -> TimeOff:
    return time_off(DoctorId(uuid4()), starts, ends)


def drawn(day: DoctorDay, now: datetime = EARLY, *, may_book: bool = True) -> Board:
    return board([(DAY, day)], UTC_ZONE, now, may_book=may_book)


def placed(shown: Board, kind: type = VisitBox) -> list[tuple[str, str]]:
    """Return from when to when each box of a *kind* lies in the first column."""
    boxes = [b for b in shown.columns[0].boxes if isinstance(b, kind)]
    return [lies(shown, each.box) for each in boxes]


def lit(shown: Board) -> list[tuple[str, str]]:
    return [lies(shown, box) for box in shown.columns[0].worked]


def lies(shown: Board, box: Box) -> tuple[str, str]:
    minutes = [shown.first + (row - 1) * STEP for row in (box.row, box.row + box.rows)]
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in minutes)
    return start, end


def free_starts(shown: Board) -> list[str]:
    boxes = shown.columns[0].boxes
    return [f"{box.start:%H:%M}" for box in boxes if isinstance(box, FreeBox)]


def overlap(one: Box, other: Box) -> bool:
    rows = one.row < other.row + other.rows and other.row < one.row + one.rows
    left, right = sorted([one, other], key=lambda box: (box.lane - 1) / box.lanes)
    return rows and left.lane / left.lanes > (right.lane - 1) / right.lanes + 1e-9


def nothing_overlaps(column: Column) -> bool:
    boxes = [item.box for item in column.boxes]
    return not any(
        overlap(one, other) for n, one in enumerate(boxes) for other in boxes[n + 1 :]
    )


# Free times


@pytest.mark.parametrize(
    ("free", "starts"),
    [
        pytest.param(
            "09:00-12:00",
            ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"],
            id="cut at half hours",
        ),
        pytest.param("09:20-10:00", ["09:20", "09:30"], id="a rest of half an hour"),
        pytest.param("09:28-09:30", [], id="too short"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_visit_can_be_put_where_the_doctor_is_free(free, starts):
    assert free_starts(drawn(doctor_day(free=free))) == starts


@pytest.mark.parametrize(
    ("now", "starts"),
    [
        pytest.param("2026-03-02 10:30", ["10:30", "11:00", "11:30"], id="begins now"),
        pytest.param("2026-03-02 10:31", ["11:00", "11:30"], id="has begun"),
        pytest.param("2026-03-03 07:00", [], id="the day is over"),
    ],
)
def test_what_is_over_is_not_free(now, starts):
    day = doctor_day(free="10:00-12:00")

    shown = drawn(day, datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert free_starts(shown) == starts


def test_whoever_may_not_book_is_offered_nothing():
    day = doctor_day(visit("09:00-09:30"), free="09:30-12:00")

    [column] = drawn(day, may_book=False).columns

    assert [type(box) for box in column.boxes] == [VisitBox]
    assert not column.boxes[0].can_move


# Where things stand


def test_a_visit_stands_where_its_time_is():
    assert placed(drawn(doctor_day(visit("10:05-10:20")))) == [("10:05", "10:20")]


def test_a_visit_of_a_minute_can_be_seen():
    assert placed(drawn(doctor_day(visit("10:02-10:03")))) == [("10:00", "10:05")]


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        pytest.param(doctor_day(), 9, 17, id="the usual"),
        pytest.param(doctor_day(working="07:30-12:00"), 7, 17, id="early hours"),
        pytest.param(doctor_day(visit("18:30-19:15")), 9, 20, id="a late visit"),
        pytest.param(doctor_day(visit("23:30-00:30")), 9, 24, id="past midnight"),
        pytest.param(doctor_day(working="22:00-06:00"), 9, 24, id="into the night"),
        pytest.param(
            evolve(doctor_day(), working=(span("22:00-06:00", DAY - timedelta(1)),)),
            0,
            17,
            id="the night before",
        ),
        pytest.param(
            doctor_day(offered=(span("23:45-00:15", DAY - timedelta(1)),)),
            0,
            17,
            id="an offer since the night before",
        ),
        pytest.param(
            doctor_day(going_on=(visit("23:30-00:30", on=DAY - timedelta(1)),)),
            0,
            17,
            id="a visit since the night before",
        ),
        pytest.param(
            doctor_day(working="05:00-06:00", closed=True), 9, 17, id="a closed day"
        ),
    ],
)
def test_the_board_is_as_long_as_what_is_on_it(day, first, last):
    shown = drawn(day)

    assert shown.first == first * 60
    assert shown.rows * STEP == (last - first) * 60
    assert len(shown.marks) == last - first


def test_time_off_and_offers_are_on_it():
    day = doctor_day(
        time_off=(off("2026-03-02 09:00", "2026-03-02 10:00"),),
        offered=(span("10:00-10:30"),),
    )

    boxes = [b for b in drawn(day).columns[0].boxes if isinstance(b, OffBox)]

    assert [(b.time, b.is_offer) for b in boxes] == [
        (Stretch(540, 600), False),
        (Stretch(600, 630), True),
    ]


@pytest.mark.parametrize(
    ("starts", "ends", "lies_at", "told"),
    [
        pytest.param(
            *("2026-03-01 20:00", "2026-03-03 12:00"),
            *([("09:00", "17:00")], [("00:00", "00:00")]),
            id="all day",
        ),
        pytest.param(
            *("2026-03-02 06:00", "2026-03-02 10:00"),
            *([("09:00", "10:00")], [("06:00", "10:00")]),
            id="since before the first row",
        ),
        pytest.param(
            *("2026-03-02 16:00", "2026-03-02 20:00"),
            *([("16:00", "17:00")], [("16:00", "20:00")]),
            id="beyond the last row",
        ),
        pytest.param("2026-03-02 06:00", "2026-03-02 09:00", [], [], id="above"),
        pytest.param("2026-03-02 17:00", "2026-03-02 20:00", [], [], id="below"),
        pytest.param("2026-03-03 09:00", "2026-03-03 10:00", [], [], id="next day"),
    ],
)
def test_time_off_stands_within_the_rows_or_nowhere(starts, ends, lies_at, told):
    shown = drawn(doctor_day(time_off=(off(starts, ends),)))

    assert placed(shown, OffBox) == lies_at
    times = [box.time for box in shown.columns[0].boxes]
    assert [(f"{t.start_time:%H:%M}", f"{t.end_time:%H:%M}") for t in times] == told


def test_visits_that_do_not_take_place_stand_apart():
    missed = visit("09:00-09:30", Status.NO_SHOW)

    [column] = drawn(doctor_day(missed)).columns

    assert column.fallen == (missed,)
    assert not any(isinstance(box, VisitBox) for box in column.boxes)


def test_a_visit_that_another_zone_puts_on_another_day_stands_as_promised():
    promised = appointment("23:30-23:50", zone=ZoneInfo("America/New_York"))
    day = doctor_day(ScheduledVisit(appointment=promised, patient_name="Ann Lee"))

    assert placed(drawn(day)) == [("23:30", "23:50")]


# Side by side


def lanes(column: Column) -> list[tuple[int, int]]:
    return [(item.box.lane, item.box.lanes) for item in column.boxes]


def test_visits_at_the_same_time_stand_side_by_side():
    visits = (visit("09:00-10:00"), visit("09:30-10:30"), visit("10:00-11:00"))

    [column] = drawn(doctor_day(*visits, visit("11:00-11:30"))).columns

    assert lanes(column) == [(1, 2), (2, 2), (1, 2), (1, 1)]


def test_a_free_time_stands_beside_a_visit_that_shares_it():
    day = doctor_day(visit("09:00-09:30"), free="09:15-09:30")

    [column] = drawn(day).columns

    assert lanes(column) == [(1, 2), (2, 2)]


@pytest.mark.parametrize("more", [0, 1, 3])
def test_what_has_no_place_beside_the_others_is_listed_below(more):
    visits = [visit("09:00-09:30") for _ in range(MOST_LANES + more)]

    [column] = drawn(doctor_day(*visits, visit("09:30-10:00"))).columns

    assert lanes(column)[:-1] == [(n + 1, MOST_LANES) for n in range(MOST_LANES)]
    assert lanes(column)[-1] == (1, 1)
    listed = [box.visit for box in column.crowded]
    assert listed == [each.appointment for each in visits[MOST_LANES:]]


stretches = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(
    lambda pair: Stretch(min(pair[0], pair[1] - 1), max(pair[0] + 1, pair[1]))
)


def words(stretch: Stretch) -> str:
    return f"{stretch.start_time:%H:%M}-{stretch.end_time:%H:%M}"


@given(st.lists(stretches, min_size=1, max_size=12), st.lists(stretches, max_size=3))
def test_nothing_on_the_board_lies_on_anything_else(times, free):
    visits = [visit(words(stretch)) for stretch in sorted(times)]

    told = " ".join(map(words, free))
    shown = drawn(doctor_day(*visits, working="00:00-00:00", free=told))

    [column] = shown.columns
    seen = [box for box in column.boxes if isinstance(box, VisitBox)]
    assert len(seen) + len(column.crowded) == len(visits)
    assert nothing_overlaps(column)
    for item in column.boxes:
        assert 1 <= item.box.lane <= item.box.lanes <= MOST_LANES
        assert item.box.rows >= 1
        assert item.box.row + item.box.rows <= shown.rows + 1


def test_a_time_that_is_shorter_than_a_visit_says_how_long_it_is():
    day = doctor_day(free="09:15-09:30 10:00-11:00 11:40-12:00")

    rooms = [
        (f"{item.start:%H:%M}", item.room)
        for item in drawn(day).columns[0].boxes
        if isinstance(item, FreeBox)
    ]

    assert rooms == [("09:15", 15), ("10:00", None), ("10:30", None), ("11:40", 20)]


# Nights


@pytest.fixture
def night() -> OpenClinic:
    """A clinic that works from Monday 22:00 to Tuesday 6:00."""
    week = hours("22:00-06:00", Weekday.MONDAY)
    return open_clinic(MemoryStore(Watch()), week=week)


def day_of(clinic: OpenClinic, on: date, now: datetime = NOW) -> Board:
    day = schedule.day(on, [], clinic.uow)
    days = [(on, each) for each in day.doctors]
    return board(days, clinic.zone, now, may_book=True)


def test_a_night_is_worked_on_each_of_its_days_as_far_as_it_lies_there(night):
    monday, tuesday = day_of(night, DAY), day_of(night, TUESDAY)
    wednesday = day_of(night, TUESDAY + timedelta(days=1))

    assert lit(monday) == [("22:00", "24:00")]
    assert lit(tuesday) == [("00:00", "06:00")]
    assert lit(wednesday) == []
    assert free_starts(monday) == ["22:00", "22:30", "23:00", "23:30"]
    assert free_starts(tuesday) == [
        f"{hour:02}:{minute}" for hour in range(6) for minute in ("00", "30")
    ]
    assert monday.columns[0].hours == (Stretch(22 * 60, 24 * 60),)
    assert tuesday.columns[0].hours == (Stretch(0, 6 * 60),)


def test_a_visit_over_midnight_is_seen_on_both_days_and_moved_on_the_first(night):
    held = night.store_visit("23:30-00:30")

    monday, tuesday = day_of(night, DAY), day_of(night, TUESDAY)

    assert placed(monday) == [("23:30", "24:00")]
    assert placed(tuesday) == [("00:00", "00:30")]
    first, second = (
        next(b for b in shown.columns[0].boxes if isinstance(b, VisitBox))
        for shown in (monday, tuesday)
    )
    assert (first.visit, second.visit) == (held, held)
    assert (first.goes_on, second.goes_on) == (False, True)
    assert (first.can_move, second.can_move) == (True, False)
    assert free_starts(monday) == ["22:00", "22:30", "23:00"]
    assert free_starts(tuesday)[0] == "00:30"


def test_time_off_and_offers_over_midnight_are_cut_to_each_day(night):
    take_off(night, "2026-03-02 22:00", "2026-03-03 01:00")
    night.store_offer("23:00-01:30", expires_at=NOW + timedelta(days=2))

    monday, tuesday = day_of(night, DAY), day_of(night, TUESDAY)

    assert placed(monday, OffBox) == [("22:00", "24:00"), ("23:00", "24:00")]
    assert placed(tuesday, OffBox) == [("00:00", "01:00"), ("00:00", "01:30")]
    assert free_starts(monday) == []
    assert free_starts(tuesday)[0] == "01:30"


def test_a_closed_day_ends_the_night_before_it(night):
    set_policy(night, closed_days=(TUESDAY,))

    monday, tuesday = day_of(night, DAY), day_of(night, TUESDAY)

    assert free_starts(monday) == ["22:00", "22:30", "23:00", "23:30"]
    assert (lit(tuesday), free_starts(tuesday)) == ([], [])


# Clock changes


@pytest.fixture
def early() -> OpenClinic:
    """A clinic that works from midnight to four, when clocks change."""
    return open_clinic(MemoryStore(Watch()), week=hours("00:00-04:00"))


def store(clinic: OpenClinic, start: str, duration: int, offset: int) -> Appointment:
    """Store a visit in the autumn; the *offset* from UTC in hours tells its pass."""
    utc_offset = timedelta(hours=offset)
    when = visit_time(AUTUMN, clock(start), duration, clinic.zone, utc_offset)
    return clinic.store_visit(on=AUTUMN, **fields_of(when))


def test_an_hour_that_clocks_skip_is_not_offered(early):
    shown = day_of(early, SPRING)

    assert lit(shown) == [("00:00", "04:00")]
    assert free_starts(shown) == [
        *("00:00", "00:30", "01:00", "01:30"),
        *("03:00", "03:30"),
    ]


@pytest.mark.parametrize(
    ("times", "lies_at"),
    [
        pytest.param("01:30-03:00", ("01:30", "02:00"), id="up to the change"),
        pytest.param("01:30-03:15", ("01:30", "03:15"), id="over the change"),
        pytest.param("03:00-03:30", ("03:00", "03:30"), id="after it"),
    ],
)
def test_a_visit_around_a_skipped_hour_is_as_long_as_clocks_show(early, times, lies_at):
    early.store_visit(times, on=SPRING)

    assert placed(day_of(early, SPRING)) == [lies_at]


FIRST, SECOND = -4, -5


@pytest.mark.parametrize(
    ("start", "duration", "which", "lies_at"),
    [
        pytest.param("01:00", 30, FIRST, ("01:00", "01:30"), id="in the first pass"),
        pytest.param("01:30", 30, FIRST, ("01:30", "02:00"), id="up to the change"),
        pytest.param("01:30", 45, FIRST, ("01:30", "02:00"), id="into the second pass"),
        pytest.param("01:30", 90, FIRST, ("01:30", "02:00"), id="through both passes"),
        pytest.param("01:15", 30, SECOND, ("01:15", "01:45"), id="in the second pass"),
        pytest.param("01:45", 30, SECOND, ("01:45", "02:15"), id="out of it"),
        pytest.param("00:30", 120, FIRST, ("00:30", "02:00"), id="around the change"),
    ],
)
def test_a_visit_in_a_repeated_hour_stands_in_its_rows(
    early, start, duration, which, lies_at
):
    held = store(early, start, duration, which)

    shown = day_of(early, AUTUMN)

    assert placed(shown) == [lies_at]
    assert nothing_overlaps(shown.columns[0])
    taken = {
        f"{wall:%H:%M}"
        for n in range(0, duration, 30)
        for wall in [(held.starts_at + timedelta(minutes=n)).astimezone(early.zone)]
        if wall.fold == 0
    }
    assert taken.isdisjoint(free_starts(shown))


def test_visits_in_both_passes_of_an_hour_stand_side_by_side(early):
    store(early, "01:00", 30, FIRST)
    store(early, "01:30", 45, FIRST)
    store(early, "01:15", 45, SECOND)

    shown = day_of(early, AUTUMN)

    assert placed(shown) == [
        *(("01:00", "01:30"), ("01:15", "02:00")),
        ("01:30", "02:00"),
    ]
    assert nothing_overlaps(shown.columns[0])


def test_a_repeated_hour_is_free_in_its_first_pass_alone(early):
    store(early, "01:00", 60, FIRST)

    assert free_starts(day_of(early, AUTUMN)) == [
        *("00:00", "00:30"),
        *("02:00", "02:30", "03:00", "03:30"),
    ]


def test_a_day_that_clocks_skip_has_nothing_on_it():
    skipped = date(2011, 12, 30)
    clinic = open_clinic(MemoryStore(Watch()), timezone="Pacific/Apia")
    night = visit_time(date(2011, 12, 29), clock("23:30"), 60, clinic.zone)
    clinic.store_visit(**fields_of(night))

    [column] = day_of(clinic, skipped).columns

    assert (column.worked, column.boxes, column.hours) == ((), (), ())


ZONES = st.sampled_from(
    ["America/New_York", "Australia/Lord_Howe", "America/Santiago", "America/Havana"]
).map(ZoneInfo)
DAYS = st.integers(0, 364).map(lambda n: date(2026, 1, 1) + timedelta(days=n))


@given(ZONES, DAYS, st.integers(-1500, 1500), st.integers(1, 1600))
def test_a_stretch_holds_exactly_what_clocks_show_of_the_day(zone, on, start, length):
    whole = local_day(on, zone)
    begins = midnight(on, zone) + timedelta(minutes=start)
    span = TimeSpan(begins, begins + timedelta(minutes=length))

    found = stretch_of(span, whole, zone)

    moments = (begins + timedelta(minutes=n) for n in range(length))
    shown = [m.astimezone(zone) for m in moments if whole.start <= m < whole.end]
    at = [each.hour * 60 + each.minute for each in shown]
    if found is None:
        assert at == []
    else:
        assert (found.start, found.end) == (at[0], max(at) + 1)


# Now


@pytest.mark.parametrize(
    ("now", "row"),
    [
        pytest.param("2026-03-02 09:00", 1, id="at the top"),
        pytest.param("2026-03-02 10:04", 13, id="in between"),
        pytest.param("2026-03-02 20:00", None, id="after hours"),
        pytest.param("2026-03-03 10:00", None, id="another day"),
    ],
)
def test_a_line_shows_what_time_it_is(now, row):
    shown = drawn(doctor_day(), datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert shown.columns[0].now == row


def test_in_a_week_it_is_now_on_one_day_alone():
    days = [(DAY + timedelta(days=n), doctor_day()) for n in range(7)]

    now = datetime(2026, 3, 4, 10, tzinfo=UTC)
    columns = board(days, UTC_ZONE, now, may_book=True).columns

    assert [column.now for column in columns] == [None, None, 13, *[None] * 4]


def test_who_is_not_there_at_the_start_is_late():
    day = doctor_day(visit("09:00-09:30"), visit("10:00-10:30"))

    boxes = drawn(day, datetime(2026, 3, 2, 9, 5, tzinfo=UTC)).columns[0].boxes

    assert [b.state for b in boxes if isinstance(b, VisitBox)] == [
        "confirmed, late, no form",
        "confirmed, no form",
    ]


def test_a_state_is_told_in_words():
    arrived = evolve(
        visit("09:00-09:30").appointment,
        arrived=True,
        arrived_at=datetime(2026, 3, 2, 8, 50, tzinfo=UTC),
    )

    assert state_of(arrived) == "confirmed, here, no form"


# Colours


def test_a_doctor_has_the_same_colour_wherever_they_stand():
    chen, osei = doctor("Dr. Chen"), doctor("Dr. Osei", color="#123456")
    day = doctor_day()
    days = [
        (DAY + timedelta(days=n), evolve(day, doctor=who))
        for n, who in enumerate([chen, osei, chen, chen])
    ]

    columns = board(days, UTC_ZONE, EARLY, may_book=True).columns

    own = color_of(chen)
    assert [column.color for column in columns] == [own, "#123456", own, own]
    assert color_of(doctor("Dr. Abel")) != own


def brightness(color: str) -> float:
    """Return the relative luminance as WCAG 2.2 defines it."""
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    ]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@given(st.uuids())
def test_a_colour_can_be_seen_on_paper(key):
    contrast = 1.05 / (brightness(color_for(DoctorId(key))) + 0.05)

    assert contrast >= 3


@given(st.integers(0, 2**128 - 100))
def test_doctors_whose_ids_follow_each_other_differ(first):
    colors = {color_for(DoctorId(UUID(int=first + n))) for n in range(50)}

    assert len(colors) == 50


# The style sheet


def test_the_style_sheet_has_every_row_and_lane():
    written = Path(clinicflow_flask.pages.__file__).parent / "static" / "rows.css"
    rows = range(1, 24 * 60 // STEP + 1)

    expected = "".join(f".r{n}{{grid-row-start:{n}}}" for n in rows) + "".join(
        f".n{n}{{grid-row-end:span {n}}}"
        f".track.n{n}{{grid-template-rows:repeat({n},var(--step))}}"
        for n in rows
    )
    beside = "".join(
        f".l{n}.of{of}{{margin:0 {100 * (of - n) / of:g}% 0 {100 * (n - 1) / of:g}%}}"
        for of in range(2, MOST_LANES + 1)
        for n in range(1, of + 1)
    )

    assert written.read_text().splitlines()[1:] == [expected, beside]
