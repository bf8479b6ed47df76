"""The board as records, before anybody draws it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import clinicflow_flask.pages
from clinicflow_core.desk.schedule import DaySpan, DoctorDay, ScheduledVisit
from clinicflow_core.entities.appointment import Appointment, Status
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import (
    AppointmentId,
    DoctorId,
    PatientId,
    TimeOffId,
)
from clinicflow_core.wire import LocalDateTime
from clinicflow_flask.pages.board import (
    STEP,
    FreeBox,
    OffBox,
    Stretch,
    VisitBox,
    board,
    minutes,
    state_of,
)

MONDAY = date(2026, 3, 2)
EARLY = datetime(2026, 3, 2, 7)
UTC_ZONE = ZoneInfo("UTC")


def doctor(name: str = "Dr. Sarah Chen", color: str | None = None) -> Doctor:
    return Doctor(
        id=DoctorId(uuid4()),
        name=name,
        color=color,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def span(words: str) -> DaySpan:
    start, end = (time.fromisoformat(part) for part in words.split("-"))
    starts_at = datetime.combine(MONDAY, start, UTC)
    ends_at = datetime.combine(MONDAY, end, UTC)
    if ends_at <= starts_at:
        ends_at += timedelta(days=1)
    return DaySpan(start_time=start, end_time=end, starts_at=starts_at, ends_at=ends_at)


def visit(words: str, status: Status = Status.CONFIRMED) -> ScheduledVisit:
    times = span(words)
    return ScheduledVisit(
        appointment=Appointment(
            id=AppointmentId(uuid4()),
            doctor_id=DoctorId(UUID(int=1)),
            patient_id=PatientId(UUID(int=2)),
            date=MONDAY,
            start_time=times.start_time,
            end_time=times.end_time,
            duration=int((times.ends_at - times.starts_at).total_seconds() // 60),
            starts_at=times.starts_at,
            ends_at=times.ends_at,
            status=status,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        patient_name="Ann Lee",
    )


def doctor_day(
    *visits: ScheduledVisit,
    working: str = "09:00-12:00",
    time_off: tuple[TimeOff, ...] = (),
    offered: tuple[DaySpan, ...] = (),
    closed: bool = False,
) -> DoctorDay:
    return DoctorDay(
        doctor=doctor(),
        working=tuple(span(each) for each in working.split() if each),
        time_off=time_off,
        closed=closed,
        offered=offered,
        visits=visits,
    )


def off(starts: datetime, ends: datetime) -> TimeOff:
    return TimeOff(
        id=TimeOffId(uuid4()),
        doctor_id=DoctorId(UUID(int=1)),
        starts=LocalDateTime(starts),
        ends=LocalDateTime(ends),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def drawn(day: DoctorDay, now: datetime = EARLY, *, may_book: bool = True):
    return board([(MONDAY, day)], now, may_book=may_book)


def free_starts(day: DoctorDay, now: datetime = EARLY) -> list[str]:
    boxes = drawn(day, now).columns[0].boxes
    return [f"{box.start:%H:%M}" for box in boxes if isinstance(box, FreeBox)]


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        pytest.param(
            doctor_day(),
            ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"],
            id="all",
        ),
        pytest.param(
            doctor_day(visit("09:00-09:20")),
            ["09:20", "09:30", "10:00", "10:30", "11:00", "11:30"],
            id="what a visit leaves of half an hour",
        ),
        pytest.param(
            doctor_day(visit("09:00-09:28"), visit("09:30-12:00")), [], id="too short"
        ),
        pytest.param(
            doctor_day(visit("09:00-12:00", Status.CANCELLED)),
            ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"],
            id="a cancelled visit frees its time",
        ),
        pytest.param(
            doctor_day(offered=(span("09:00-11:30"),)), ["11:30"], id="what is offered"
        ),
        pytest.param(
            doctor_day(
                time_off=(off(datetime(2026, 3, 1, 20), datetime(2026, 3, 2, 11)),)
            ),
            ["11:00", "11:30"],
            id="time off since the day before",
        ),
        pytest.param(doctor_day(closed=True), [], id="a closed day"),
        pytest.param(doctor_day(working=""), [], id="no hours"),
    ],
)
def test_free_time_is_what_hours_leave(day, starts):
    assert free_starts(day) == starts


def test_what_is_over_is_not_free():
    assert free_starts(doctor_day(), datetime(2026, 3, 2, 10, 40)) == ["11:00", "11:30"]
    assert free_starts(doctor_day(), datetime(2026, 3, 3, 7)) == []


def test_whoever_may_not_book_is_offered_nothing():
    column = drawn(doctor_day(visit("09:00-09:30")), may_book=False).columns[0]

    assert [type(box) for box in column.boxes] == [VisitBox]
    assert not column.boxes[0].can_move


def test_a_visit_stands_where_its_time_is():
    shown = drawn(doctor_day(visit("10:05-10:20")))

    [box] = [b.box for b in shown.columns[0].boxes if isinstance(b, VisitBox)]
    assert (shown.first + (box.row - 1) * STEP) == 10 * 60 + 5
    assert box.rows == 3


def test_a_visit_of_a_minute_can_be_seen():
    shown = drawn(doctor_day(visit("10:02-10:03")))

    [box] = [b.box for b in shown.columns[0].boxes if isinstance(b, VisitBox)]
    assert box.rows == 1


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        pytest.param(doctor_day(), 9, 17, id="the usual"),
        pytest.param(doctor_day(working="07:30-12:00"), 7, 17, id="early hours"),
        pytest.param(doctor_day(visit("18:30-19:15")), 9, 20, id="a late visit"),
        pytest.param(doctor_day(visit("23:30-00:30")), 9, 24, id="past midnight"),
    ],
)
def test_the_board_is_as_long_as_what_is_on_it(day, first, last):
    shown = drawn(day)

    assert shown.first == first * 60
    assert shown.rows * STEP == (last - first) * 60
    assert len(shown.marks) == last - first


def test_visits_at_the_same_time_stand_side_by_side():
    visits = (visit("09:00-10:00"), visit("09:30-10:30"), visit("10:00-11:00"))

    boxes = drawn(doctor_day(*visits, visit("11:00-11:30"))).columns[0].boxes

    lanes = [(b.box.lane, b.box.lanes) for b in boxes if isinstance(b, VisitBox)]
    assert lanes == [(1, 2), (2, 2), (1, 2), (1, 1)]


def test_visits_that_do_not_take_place_stand_apart():
    missed = visit("09:00-09:30", Status.NO_SHOW)

    [column] = drawn(doctor_day(missed)).columns

    assert column.fallen == (missed,)
    assert not any(isinstance(box, VisitBox) for box in column.boxes)


@pytest.mark.parametrize(
    ("now", "row"),
    [
        pytest.param(datetime(2026, 3, 2, 9, 0), 1, id="at the top"),
        pytest.param(datetime(2026, 3, 2, 10, 4), 13, id="in between"),
        pytest.param(datetime(2026, 3, 2, 20, 0), None, id="after hours"),
        pytest.param(datetime(2026, 3, 3, 10, 0), None, id="another day"),
    ],
)
def test_a_line_shows_what_time_it_is(now, row):
    assert drawn(doctor_day(), now).now == row


def test_time_off_and_offers_are_on_it():
    day = doctor_day(
        time_off=(off(datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 10)),),
        offered=(span("10:00-10:30"),),
    )

    boxes = [b for b in drawn(day).columns[0].boxes if isinstance(b, OffBox)]

    assert [(f"{b.start:%H:%M}", b.is_offer) for b in boxes] == [
        ("09:00", False),
        ("10:00", True),
    ]


def test_doctors_have_colours_of_their_own():
    days = [(MONDAY, doctor_day()) for _ in range(3)]
    days[1] = (MONDAY, evolve(days[1][1], doctor=doctor(color="#123456")))

    shown = board(days, EARLY, may_book=True)

    colors = [column.color for column in shown.columns]
    assert colors[1] == "#123456"
    assert len(set(colors)) == 3


def test_a_day_in_short_counts_what_is_held_and_free():
    day = doctor_day(visit("09:00-09:30"), visit("10:00-11:00", Status.CANCELLED))

    assert minutes(MONDAY, day) == (1, 150)


def test_who_is_not_there_at_the_start_is_late():
    day = doctor_day(visit("09:00-09:30"), visit("10:00-10:30"))

    boxes = drawn(day, datetime(2026, 3, 2, 9, 5)).columns[0].boxes

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


stretches = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(
    lambda pair: Stretch(min(pair[0], pair[1] - 1), max(pair[0] + 1, pair[1]))
)


@given(stretches, st.lists(stretches, max_size=6))
def test_what_is_left_of_a_stretch_is_exactly_the_rest(whole, others):
    left = list(whole.without(others))

    taken = {m for each in others for m in range(each.start, each.end)}
    expected = [m for m in range(whole.start, whole.end) if m not in taken]
    assert [m for each in left for m in range(each.start, each.end)] == expected


@given(st.lists(stretches, min_size=1, max_size=12))
def test_no_two_visits_lie_on_each_other(times):
    ordered = sorted(times)
    visits = [
        visit(
            f"{s.start // 60:02}:{s.start % 60:02}-"
            f"{s.end // 60 % 24:02}:{s.end % 60:02}"
        )
        for s in ordered
    ]

    boxes = drawn(doctor_day(*visits)).columns[0].boxes

    placed = [b for b in boxes if isinstance(b, VisitBox)]
    assert len(placed) == len(visits)
    for n, one in enumerate(placed):
        assert one.box.lane <= one.box.lanes
        for other in placed[n + 1 :]:
            apart = one.visit.ends_at <= other.visit.starts_at
            apart |= other.visit.ends_at <= one.visit.starts_at
            assert apart or one.box.lane != other.box.lane


def test_the_style_sheet_has_every_row():
    written = Path(clinicflow_flask.pages.__file__).parent / "static" / "rows.css"
    rows = range(1, 24 * 60 // STEP + 1)

    expected = "".join(f".r{n}{{grid-row-start:{n}}}" for n in rows) + "".join(
        f".n{n}{{grid-row-end:span {n}}}"
        f".track.n{n}{{grid-template-rows:repeat({n},var(--step))}}"
        for n in rows
    )

    assert written.read_text().splitlines()[1] == expected
