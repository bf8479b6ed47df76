from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from attrs import frozen

from clinicflow_cli.composition import SqlDatabase
from clinicflow_cli.demo import SEED, opening, story
from clinicflow_cli.demo.plan import DAYS, FormFate
from clinicflow_core.accounts.permissions import Actor, system
from clinicflow_core.desk import (
    accounts,
    booking,
    intake,
    patient_link,
    schedule,
    waitlist,
)
from clinicflow_core.desk.lists import every
from clinicflow_core.entities.appointment import (
    TO_COME,
    Appointment,
    IntakeStatus,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.summary import Summary, SummaryStatus
from clinicflow_core.entities.user import Role
from clinicflow_core.entities.waitlist import WaitlistStatus
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import AppointmentFilter, FormFilter, PageRequest, UnitOfWork
from clinicflow_core.timespan import TimeSpan
from tests.builders import PASSWORD
from tests.cli.conftest import MemoryDatabase, Shell

pytestmark = pytest.mark.slow

NEW_YORK = ZoneInfo("America/New_York")
TODAY = date(2026, 3, 4)
MORNING = "2026-03-04T09:40"
AFTERNOON = "2026-03-04T15:10"
ALL = PageRequest(limit=5000)


class DemoDatabase(MemoryDatabase):
    def open_store(self, clock=None):
        self.store = MemoryStore(clock)
        return self.store


@frozen
class Told:
    """A story, and the record that it made."""

    story: story.Story
    store: MemoryStore

    def uow(self, by: Actor | None = None) -> UnitOfWork:
        return self.store.unit_of_work(self.story.clinic.id, by or system("test"))

    def visits(self) -> list[Appointment]:
        which = AppointmentFilter()
        return list(every(lambda part: booking.page(which, part, self.uow())))

    def today(self) -> list[Appointment]:
        return [v.appointment for d in self.story.day.doctors for v in d.visits]

    def summary(self, fate: FormFate) -> Summary:
        with self.uow() as uow:
            found = uow.summaries.current_of(self.story.forms[fate])
        assert found is not None
        return found


def at(local: str) -> datetime:
    """Return an instant by New York's wall clock, as "2026-03-04T09:40"."""
    return datetime.fromisoformat(local).replace(tzinfo=NEW_YORK).astimezone(UTC)


def told_anew(local: str, seed: int = SEED) -> Told:
    database = DemoDatabase()
    return Told(story.tell_story(database, at(local), seed), database.store)


told_at = cache(told_anew)
"""A story takes a second; one that is told once must be left as it is."""


def outline(told: Told) -> list[object]:
    """Return all that the record says, but for ids and secrets."""
    with told.uow() as uow:
        doctors = {each.id: each.name for each in uow.doctors.page(ALL).items}
        patients = {p.id: p.full_name for p in uow.patients.page((), ALL, None).items}
        forms = uow.intake_forms.page(FormFilter(), ALL, None).items
        made = [uow.summaries.current_of(form.id) for form in forms]
        events = uow.events.newest(10_000)
        waiting = uow.waitlist.page(None, ALL).items
    return [
        sorted(
            (
                doctors[v.doctor_id],
                patients[v.patient_id],
                str(v.starts_at),
                v.duration,
                v.status.value,
                v.intake_status.value,
                str(v.visit_type),
                str(v.visit_category),
                str(v.arrived_at),
                v.times_moved,
                v.override.reason if v.override else "",
                str((v.created_at, v.updated_at)),
            )
            for v in told.visits()
        ),
        sorted(
            (
                patients[f.patient_id],
                str((f.created_at, f.submitted_at, f.reviewed_at, f.revoked_at)),
                str((f.raw_answers, f.draft)),
                "" if m is None else str((m.digest, m.status, m.signed_at)),
            )
            for f, m in zip(forms, made, strict=True)
        ),
        [(patients[e.patient_id], e.status, e.note, e.created_at) for e in waiting],
        Counter((e.kind, e.actor, e.reason, e.at) for e in events),
    ]


def times_of(told: Told) -> list[tuple[str, datetime]]:
    with told.uow() as uow:
        patients = {p.id: p.full_name for p in uow.patients.page((), ALL, None).items}
    return sorted((patients[v.patient_id], v.starts_at) for v in told.visits())


def test_one_moment_and_one_seed_make_one_clinic():
    assert outline(told_anew(MORNING)) == outline(told_anew(MORNING))


def test_another_seed_makes_another_clinic():
    assert times_of(told_at(MORNING, 2)) != times_of(told_at(MORNING))


def test_the_same_day_told_later_is_the_same_one_further_on():
    morning, afternoon = told_at(MORNING), told_at(AFTERNOON)

    assert times_of(morning) == times_of(afternoon)
    done = [
        sum(visit.status is Status.COMPLETED for visit in told.today())
        for told in (morning, afternoon)
    ]
    assert done[0] < done[1]


@pytest.mark.parametrize(
    "now",
    [
        pytest.param("2026-03-04T08:00", id="as it opens"),
        pytest.param("2026-03-04T12:30", id="in Dr. Chen's lunch"),
        pytest.param("2026-03-04T17:59", id="before it closes"),
        pytest.param("2026-03-07T09:00", id="Saturday"),
        pytest.param("2026-03-08T14:59", id="Sunday when clocks went forward"),
        pytest.param("2026-11-01T10:00", id="Sunday when clocks went back"),
    ],
)
def test_somebody_waits_while_the_clinic_is_open(now: str):
    told = told_at(now)

    waiting = booking.get(told.story.visits.waiting, told.uow())

    assert waiting.status in TO_COME
    assert waiting.arrived_at is not None
    assert waiting.arrived_at <= at(now)
    assert waiting in told.today()


@pytest.mark.parametrize(
    "now",
    [
        pytest.param("2026-03-04T03:00", id="at night"),
        pytest.param("2026-03-08T03:00", id="as clocks go forward"),
        pytest.param("2026-03-04T07:00", id="early"),
    ],
)
def test_before_it_opens_the_day_is_ahead(now: str):
    told = told_at(now)

    assert told.story.visits.waiting is None
    assert {v.status for v in told.today()} <= TO_COME | {Status.CANCELLED}


def test_before_midnight_the_day_is_over():
    told = told_at("2026-03-04T23:50")

    assert told.story.visits.waiting is None
    assert {v.status for v in told.today()}.isdisjoint(TO_COME)


@pytest.mark.parametrize("day", range(2, 9))
def test_each_day_of_the_week_is_lively(day: int):
    visits = told_at(f"2026-03-{day:02}T12:15").today()

    assert len(visits) >= 12
    assert len({visit.doctor_id for visit in visits}) >= 2
    assert {visit.status for visit in visits} >= {Status.COMPLETED, Status.CONFIRMED}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fortnight_has_visits_of_every_kind(seed: int):
    told = told_at(MORNING, seed)

    visits = told.visits()

    assert {visit.date - TODAY for visit in visits} >= {
        timedelta(days=day) for day in DAYS
    }
    assert {visit.status for visit in visits} == set(Status)
    assert {visit.intake_status for visit in visits} == set(IntakeStatus)
    assert {visit.visit_type for visit in visits} == set(VisitType)
    assert {visit.visit_category for visit in visits} == set(VisitCategory)
    assert any(visit.times_moved for visit in visits)
    assert any(visit.series_id for visit in visits)
    assert all(v.override.reason for v in visits if v.overbooked and v.override)
    assert sum(visit.overbooked for visit in visits) == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_visits_are_cancelled_early_and_late_and_for_a_reason(seed: int):
    told = told_at(MORNING, seed)

    with told.uow() as uow:
        events = uow.events.newest(10_000)
    cancelled = [e for e in events if e.kind == "appointment.cancelled"]

    assert {event.facts["late"] for event in cancelled} == {True, False}
    assert all(event.reason for event in cancelled)


def test_what_the_demo_points_at_is_there():
    told = told_at(AFTERNOON)
    named = told.story.visits
    visits = {visit.id: visit for visit in told.visits()}

    assert visits[named.next].starts_at > at(AFTERNOON)
    assert visits[named.completed].status is Status.COMPLETED
    assert visits[named.missed].status is Status.NO_SHOW
    assert visits[named.cancelled].status is Status.CANCELLED
    assert visits[named.moved].times_moved
    assert visits[named.overbooked].overbooked
    assert visits[named.virtual].meeting_link
    assert visits[named.weekly].series_id
    assert visits[named.open].status in TO_COME
    assert visits[named.open].ends_at < at(AFTERNOON)
    [stranded] = schedule.stranded(ALL, told.uow()).items
    assert named.stranded == stranded.appointment.id


@pytest.mark.parametrize("now", ["2026-03-04T00:00", AFTERNOON, "2026-03-08T23:59"])
def test_there_are_forms_in_every_state(now: str):
    told = told_at(now)

    with told.uow() as uow:
        forms = {
            fate: uow.intake_forms.get(form_id)
            for fate, form_id in told.story.forms.items()
        }

    assert set(forms) == set(FormFate)
    assert forms[FormFate.SENT].draft is None
    assert forms[FormFate.DRAFTED].draft
    assert forms[FormFate.REVOKED].revoked_at
    assert forms[FormFate.SUBMITTED].reviewed_at is None
    assert forms[FormFate.REVIEWED].reviewed_at


@pytest.mark.parametrize("now", ["2026-03-04T00:00", AFTERNOON, "2026-03-08T23:59"])
def test_there_are_summaries_in_every_state(now: str):
    told = told_at(now)

    to_sign, signed, edited = map(
        told.summary, (FormFate.SUBMITTED, FormFate.SIGNED, FormFate.EDITED)
    )

    assert to_sign.is_draft
    assert [item.text for item in to_sign.digest.red_flags] == [
        "Suicidal thoughts",
        "Self-harm",
    ]
    assert to_sign.digest.medications
    assert to_sign.digest.allergies
    assert (signed.status, signed.is_draft) == (SummaryStatus.GENERATED, False)
    assert (edited.status, edited.is_draft) == (SummaryStatus.EDITED, False)
    assert edited.machine


def test_the_form_with_a_red_flag_has_a_score():
    told = told_anew(MORNING)

    read = intake.get(told.story.forms[FormFate.SUBMITTED], told.uow())

    assert [(score.name, score.total) for score in read.scores] == [("phq-2", 5)]


def test_a_patient_can_go_on_with_a_form_that_is_begun():
    told = told_anew(MORNING)
    begun = told.story.begun
    opened = patient_link.OpenDraft(birth_date=begun.birth_date)

    draft = patient_link.open_draft(begun.token, opened, told.store)

    assert draft.answers["medications"]
    assert "consent" not in draft.answers
    assert begun.path == f"/i/{begun.token}"


@pytest.mark.parametrize("now", ["2026-03-04T03:00", "2026-03-09T08:05", AFTERNOON])
def test_a_time_is_offered_to_one_who_waits_and_one_was_accepted(now: str):
    told = told_at(now)

    found = waitlist.page(None, ALL, told.uow()).items

    assert Counter(waiting.entry.status for waiting in found) == {
        WaitlistStatus.OFFERED: 1,
        WaitlistStatus.BOOKED: 1,
        WaitlistStatus.WITHDRAWN: 1,
        WaitlistStatus.WAITING: 3,
    }
    [offer] = [waiting.offer for waiting in found if waiting.offer]
    assert offer.expires_at > at(now)


def test_the_trail_tells_it_in_order_and_by_whom():
    told = told_at(AFTERNOON)

    with told.uow() as uow:
        events = list(reversed(uow.events.newest(10_000)))

    assert all(before.at <= after.at for before, after in pairwise(events))
    assert events[-1].at <= at(AFTERNOON)
    assert {event.actor for event in events} == {
        "entrance",
        "patient-link",
        "user",
        "worker",
    }


def test_no_doctor_is_in_two_places_but_on_purpose():
    visits = [v for v in told_at(AFTERNOON).visits() if v.holds_its_time]

    by_doctor = sorted(visits, key=lambda v: (str(v.doctor_id), v.starts_at))

    assert not [
        (one.id, other.id)
        for one, other in pairwise(by_doctor)
        if one.doctor_id == other.doctor_id and one.span.overlaps(other.span)
    ]


def test_a_double_booking_is_refused():
    tried = told_at(MORNING).story.tried

    assert [c.kind.value for c in tried.refusal.conflicts] == ["doctor-busy"]
    assert tried.refusal.alternatives


@pytest.mark.parametrize(
    ("moment", "minutes", "before"),
    [
        pytest.param("2026-03-04T09:00", 0, "2026-03-04T09:00", id="now"),
        pytest.param("2026-03-04T09:00", 30, "2026-03-04T08:30", id="today"),
        pytest.param("2026-03-04T08:10", 30, "2026-03-03T17:40", id="over a night"),
        pytest.param("2026-03-04T03:00", 0, "2026-03-03T18:00", id="at night"),
        pytest.param("2026-03-09T08:00", 330, "2026-03-07T13:30", id="over days"),
    ],
)
def test_minutes_are_counted_while_the_clinic_is_open(
    moment: str, minutes: int, before: str
):
    found = opening.minutes_before(at(moment), minutes, NEW_YORK)

    assert found == at(before)


@pytest.mark.parametrize("day", range(1, 8))
def test_some_doctor_works_at_any_time_of_an_open_day(day: int):
    on = date(2026, 3, day)
    span = opening.opening(on, NEW_YORK)

    works = [
        TimeSpan(at(f"{on}T{start}"), at(f"{on}T{end}"))
        for week in opening.HOURS.values()
        for start, end in week.get(on.weekday(), ())
    ]

    minutes = range(int((span.end - span.start).total_seconds()) // 60)
    assert all(
        any(
            work.start <= span.start + timedelta(minutes=minute) < work.end
            for work in works
        )
        for minute in minutes
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A shell on a demo, and what was printed when it was made."""
    file = tmp_path_factory.mktemp("demo") / "try.db"
    told = Shell(None, "sqlite://").says("demo", "--no-serve", "--database", str(file))
    return Shell(None, f"sqlite:///{file}"), told


def test_the_demo_prints_the_day_and_the_refusal(made: tuple[Shell, str]):
    _, told = made

    assert "Dr. Adaeze Okafor" in told
    assert "Error: The doctor has a visit from" in told


def test_each_command_that_the_demo_prints_works(made: tuple[Shell, str]):
    shell, told = made
    printed = [
        line.split()[1:]
        for line in told.splitlines()
        if line.startswith("  clinicflow ") and line != "  clinicflow serve"
    ]

    assert len(printed) >= 6
    for command in printed:
        assert shell.says(*command)


def test_the_trail_of_the_demo_is_whole(made: tuple[Shell, str]):
    shell, _ = made

    assert shell.answers("audit", "verify")["flaws"] == []


def test_the_demo_says_what_it_made(shell: Shell, tmp_path: Path):
    file = tmp_path / "demo.db"

    told = shell.answers("demo", "--no-serve", "--seed", "3", "--database", str(file))

    assert told["database_url"] == f"sqlite:///{file}"
    assert told["seed"] == 3
    assert set(told["forms"]) == {fate.value for fate in FormFate}
    assert told["begun"]["path"] == f"/i/{told['begun']['token']}"
    made = SqlDatabase(told["database_url"])
    entrance = made.open_store().entrance()
    for account in told["accounts"]:
        credentials = accounts.Credentials(
            email=account["email"], password=account["password"]
        )
        signed_in = accounts.sign_in(credentials, entrance)
        assert signed_in.user.role.value == account["role"]
        assert (signed_in.user.doctor_id is None) == (account["role"] != "doctor")
    made.close()
    assert [account["role"] for account in told["accounts"]] == [
        Role.OWNER.value,
        Role.ADMIN.value,
        Role.DOCTOR.value,
    ]


def test_the_demo_starts_over(shell: Shell, tmp_path: Path):
    file = str(tmp_path / "demo.db")

    first = shell.answers("demo", "--no-serve", "--database", file)
    second = shell.answers("demo", "--no-serve", "--database", file)

    made = Shell(None, second["database_url"])
    assert first["clinic"]["id"] != second["clinic"]["id"]
    assert made.answers("clinic")["id"] == second["clinic"]["id"]


def test_the_demo_replaces_no_real_record(sqlite_shell: Shell, tmp_path: Path):
    sqlite_shell.sets_up("Harbour Clinic", "ines@harbour.example")

    told = sqlite_shell.refuses(
        "demo", "--no-serve", "--json", "--database", str(tmp_path / "clinicflow.db")
    )

    assert json.loads(told)["code"] == "not-a-demo"
    assert "Harbour Clinic" in sqlite_shell.says("clinic")


def test_the_demo_replaces_no_other_file(shell: Shell, tmp_path: Path):
    letter = tmp_path / "letter.txt"
    letter.write_text(PASSWORD)

    shell.refuses("demo", "--no-serve", "--database", str(letter))

    assert letter.read_text() == PASSWORD


@pytest.mark.parametrize(
    ("now", "zone"),
    [
        pytest.param("2026-03-02T15:00:00Z", "America/New_York", id="New York's day"),
        pytest.param("2026-03-02T10:00:00Z", "Europe/Lisbon", id="its night"),
        pytest.param("2026-03-02T02:00:00Z", "Asia/Tokyo", id="Europe's night"),
    ],
)
def test_the_demo_is_where_it_is_day(now: str, zone: str):
    assert story.where_it_is_open(datetime.fromisoformat(now)) == zone


def test_the_demo_is_where_it_is_asked_to_be(shell: Shell, tmp_path: Path):
    made = shell.answers(
        *("demo", "--no-serve", "--database", str(tmp_path / "there.db")),
        *("--timezone", "Asia/Kolkata"),
    )

    assert made["clinic"]["timezone"] == "Asia/Kolkata"
