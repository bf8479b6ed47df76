"""Whatever an entity can hold comes back from every store as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve, fields
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from clinicflow_core.accounts.permissions import system
from clinicflow_core.entities.appointment import (
    Appointment,
    Cancellation,
    CancellationType,
    IntakeStatus,
    Override,
    Status,
    VisitCategory,
    VisitType,
    fields_of,
)
from clinicflow_core.entities.calendar import DatedHours, DayStretch, TimeOff
from clinicflow_core.entities.clinic import Clinic, ClinicSize
from clinicflow_core.entities.doctor import Doctor, Weekday, WorkingHours
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import SeriesId
from clinicflow_core.entities.intake import FormStatus, IntakeForm
from clinicflow_core.entities.job import Job
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.policy import (
    MAX_BUFFER,
    MAX_HORIZON_DAYS,
    MAX_NOTICE,
    MAX_STEP,
    MINUTES_A_DAY,
    NO_POLICY,
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)
from clinicflow_core.entities.questionnaire import Kind, Question
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    DropReason,
    Facet,
    Failure,
    FailureReason,
    Source,
    Summary,
    SummaryItem,
    SummaryStatus,
    Topic,
)
from clinicflow_core.entities.user import Role, User, UserStatus
from clinicflow_core.entities.waitlist import Outcome, WaitlistEntry, WaitlistStatus
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import (
    AppointmentFilter,
    FormFilter,
    Page,
    PageRequest,
    Store,
)
from clinicflow_core.scheduling.conflicts import ConflictKind
from clinicflow_core.timespan import visit_time
from clinicflow_core.wire import LocalDateTime
from tests.builders import (
    NOW,
    OpenClinic,
    Watch,
    appointment,
    doctor,
    intake_link,
    offer,
    open_clinic,
    patient,
    summary,
    time_off,
    user,
)
from tests.builders import (
    clinic as a_clinic,
)

ALL = PageRequest(limit=200)
NASTY = [
    "'; DROP TABLE patients; --",
    '"quoted" \\ back\\slash',
    "%s %(name)s :name $1 ? {}",
    "\u202eright to left\u202c",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "e\u0301 o\u0308 \u1100\u1161",
    "\U0001f469\u200d\u2695\ufe0f \U00020000 \U0010ffff",
    "\ufeff\u200b\u00a0 spaces \u3000",
    "\r\n\t\x01\x7f\x85\u2028",
    "{1,2} {NULL} \\N null",
]
ZONES = ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]

everywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The stores are kept from one example to the next; each opens its own clinic."""


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    """Return any text that a database can hold: no NUL and no half of a surrogate."""
    letters = st.characters(codec="utf-8", exclude_characters="\0")
    drawn = st.text(letters, min_size=least, max_size=most)
    fitting = [text[:most] for text in NASTY] + ["\U0001f642" * most]
    return drawn | st.sampled_from(fitting)


jsons = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    # PostgreSQL gives a greater float without a fraction back as the integer it shows.
    | st.floats(-(2**53), 2**53)
    | texts(20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts(10), inner, max_size=3)
    ),
    max_leaves=6,
)
facts = st.dictionaries(texts(10), jsons, max_size=3)
instants = st.datetimes(
    datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.timezones()
) | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
versions = st.integers(1, 2**31 - 1)


def maybe(drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | drawn


def with_fields(record: Any, **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return *record* with all its other fields drawn; ids stay, for they are new."""
    keys = {"id", "clinic_id", "doctor_id", "user_id"}
    # Who has these is in no list.
    keys |= {"erased_at", "merged_into_id"}
    assert {field.name for field in fields(type(record))} - drawn.keys() <= keys
    return st.builds(evolve, st.just(record), **drawn)


minutes_of_visits = st.integers(1, 24 * 60)
steps = st.sampled_from([n for n in range(1, MAX_STEP + 1) if MINUTES_A_DAY % n == 0])
buffers = st.integers(0, MAX_BUFFER)
notices = st.integers(0, MAX_NOTICE)
horizons = st.integers(0, MAX_HORIZON_DAYS)
limits = st.integers(1, MINUTES_A_DAY)
durations = st.dictionaries(
    st.sampled_from(VisitCategory).map(lambda category: category.value),
    minutes_of_visits,
)
policies = st.just(NO_POLICY) | st.builds(
    SchedulingPolicy,
    slot_step=steps,
    buffer_before=buffers,
    buffer_after=buffers,
    min_notice=notices,
    max_horizon_days=maybe(horizons),
    daily_limit=maybe(limits),
    default_durations=durations,
    closed_days=st.lists(st.dates(), max_size=4).map(tuple),
    public_holidays=maybe(
        st.builds(
            HolidayRegion,
            country=st.sampled_from(["US", "DE"]),
            region=maybe(st.sampled_from(["NY", "BY"])),
        )
    ),
    cancellation_cutoff=notices,
    offer_minutes=st.integers(1, 14 * MINUTES_A_DAY),
)
policies_of_doctors = st.builds(
    DoctorPolicy,
    slot_step=maybe(steps),
    buffer_before=maybe(buffers),
    buffer_after=maybe(buffers),
    min_notice=maybe(notices),
    max_horizon_days=maybe(horizons),
    daily_limit=maybe(limits),
    default_durations=maybe(durations),
)
clinics = st.builds(a_clinic).flatmap(
    lambda record: with_fields(
        record,
        name=texts(255),
        timezone=st.sampled_from(ZONES),
        clinic_type=maybe(texts(50)),
        clinic_size=maybe(st.sampled_from(ClinicSize)),
        clinic_metadata=facts,
        ai_summaries=st.booleans(),
        policy=policies,
        version=versions,
        created_at=instants,
        updated_at=instants,
    )
)
doctors = st.builds(doctor).flatmap(
    lambda record: with_fields(
        record,
        name=texts(255),
        initials=maybe(texts(10)),
        specialty=maybe(texts(100)),
        color=maybe(texts(20)),
        policy=policies_of_doctors,
        version=versions,
        created_at=instants,
    )
)
patients = st.builds(patient).flatmap(
    lambda record: with_fields(
        record,
        first_name=texts(100),
        last_name=texts(100),
        email=maybe(texts(255)),
        phone=maybe(texts(20)),
        date_of_birth=maybe(st.dates()),
        version=versions,
        created_at=instants,
        updated_at=instants,
    )
)
weeks = st.lists(
    st.tuples(st.sampled_from(Weekday), st.times(), st.times())
    .filter(lambda stretch: stretch[1] != stretch[2])
    .map(lambda stretch: WorkingHours(*stretch)),
    unique_by=lambda hours: (hours.weekday, hours.start),
    max_size=8,
)

stretches = st.lists(
    st.tuples(st.times(), st.times())
    .filter(lambda bounds: bounds[0] != bounds[1])
    .map(lambda bounds: DayStretch(*bounds))
    | st.just(DayStretch(time(), time())),
    max_size=4,
)
wall_clocks = st.datetimes().map(LocalDateTime)


def users_of(clinic: OpenClinic) -> st.SearchStrategy[User]:
    account = user(clinic.id)
    ways_in = st.tuples(maybe(texts(255)), st.booleans()).filter(any)
    return st.builds(
        lambda base, way, role: evolve(
            base,
            email=f"{base.id}{base.email}"[:255],
            password_hash=way[0],
            google_id=f"google-{base.id}" if way[1] else None,
            role=role,
            doctor_id=clinic.doctor.id if role is Role.DOCTOR else None,
        ),
        with_fields(
            account,
            email=texts(100),
            password_hash=st.just("x"),
            google_id=st.none(),
            name=texts(255),
            role=st.just(Role.OWNER),
            status=st.sampled_from(UserStatus),
            version=versions,
            created_at=instants,
            updated_at=instants,
        ),
        ways_in,
        st.sampled_from(Role),
    )


@st.composite
def visits_of(draw: st.DrawFn, clinic: OpenClinic, series_id: SeriesId) -> Appointment:
    time = visit_time(
        draw(st.dates(date(1950, 1, 1), date(2100, 1, 1))),
        draw(st.times()),
        draw(st.integers(1, 24 * 60)),
        clinic.zone,
    )
    assume(time is not None)
    arrived_at = draw(maybe(instants))
    overriding = st.builds(
        Override,
        reason=texts(500),
        conflicts=st.lists(
            st.sampled_from(ConflictKind).map(lambda kind: kind.value) | texts(20)
        ).map(tuple),
        by_id=maybe(st.just(clinic.owner.id)),
    )
    return draw(
        with_fields(
            evolve(
                clinic.visit(),
                arrived=arrived_at is not None,
                arrived_at=arrived_at,
                **fields_of(time),
            ),
            **{name: st.just(value) for name, value in fields_of(time).items()},
            patient_id=st.just(clinic.patient.id),
            arrived=st.just(arrived_at is not None),
            arrived_at=st.just(arrived_at),
            visit_type=maybe(st.sampled_from(VisitType)),
            visit_category=maybe(st.sampled_from(VisitCategory)),
            status=st.sampled_from(Status),
            intake_status=st.sampled_from(IntakeStatus),
            meeting_link=maybe(texts(500)),
            override=maybe(overriding),
            series_id=maybe(st.just(series_id)),
            times_moved=st.integers(0, 2**31 - 1),
            version=versions,
            created_at=instants,
            updated_at=instants,
        )
    )


def entries_of(
    clinic: OpenClinic, visit: Appointment
) -> st.SearchStrategy[WaitlistEntry]:
    return st.tuples(st.dates(), st.dates()).flatmap(
        lambda days: with_fields(
            clinic.entry(),
            patient_id=st.just(clinic.patient.id),
            doctor_id=maybe(st.just(clinic.doctor.id)),
            duration=maybe(minutes_of_visits),
            visit_type=maybe(st.sampled_from(VisitType)),
            visit_category=maybe(st.sampled_from(VisitCategory)),
            first_date=st.just(min(days)),
            last_date=st.just(max(days)),
            weekdays=st.frozensets(st.sampled_from(Weekday)),
            earliest=maybe(st.times()),
            latest=maybe(st.times()),
            urgent=st.booleans(),
            note=maybe(texts(2000)),
            status=st.sampled_from(WaitlistStatus),
            appointment_id=maybe(st.just(visit.id)),
            version=versions,
            created_at=instants,
            updated_at=instants,
        )
    )


def instants_in(record: Any) -> dict[str, datetime]:
    values = {field.name: getattr(record, field.name) for field in fields(type(record))}
    found = {name: v for name, v in values.items() if isinstance(v, datetime)}
    return {name: v for name, v in found.items() if v.tzinfo is not None}


def in_utc(record: Any) -> Any:
    """
    Return *record* with its instants in UTC.

    Python holds times of a skipped or repeated hour for unlike any in another zone.
    """
    moved = {name: at.astimezone(UTC) for name, at in instants_in(record).items()}
    return evolve(record, **moved)


def is_same(found: Any, kept: Any, store: Store) -> None:
    """Assert that *found* is *kept*, to the microsecond, with its instants in UTC."""
    assert in_utc(found) == in_utc(kept)
    if not isinstance(store, MemoryStore):  # Memory keeps the very record.
        for instant in instants_in(found).values():
            assert instant.utcoffset() == timedelta(0)
            assert str(instant.tzinfo) == "UTC"


@everywhere
@given(record=clinics)
def test_a_clinic_comes_back_whole(record: Clinic, store: Store) -> None:
    with store.entrance() as entrance:
        entrance.add_clinic(record)
        entrance.commit()

    with store.entrance() as entrance:
        is_same(entrance.get_clinic(record.id), record, store)
        [listed] = [found for found in entrance.clinics() if found.id == record.id]
        is_same(listed, record, store)


@everywhere
@given(record=clinics)
def test_a_changed_clinic_comes_back_whole(record: Clinic, store: Store) -> None:
    clinic = open_clinic(store, patients=0)
    changed = evolve(
        record, id=clinic.id, version=2, created_at=clinic.clinic.created_at
    )

    clinic.commit(lambda uow: uow.change_clinic(changed))

    with clinic.uow as uow:
        is_same(uow.clinic, changed, store)


def comes_back(clinic: OpenClinic, repository: str, record: Any) -> None:
    clinic.commit(lambda uow: getattr(uow, repository).add(record))

    with clinic.unit_of_work() as uow:
        is_same(getattr(uow, repository).get(record.id), record, clinic.store)
        lists: dict[str, Callable[[], Any]] = {
            "doctors": lambda: uow.doctors.page(ALL),
            "patients": lambda: uow.patients.page([], ALL),
            "users": lambda: uow.users.page(ALL),
            "appointments": lambda: uow.appointments.page(AppointmentFilter(), ALL),
            "waitlist": lambda: uow.waitlist.page(None, ALL),
            "intake_forms": lambda: uow.intake_forms.page(FormFilter(), ALL),
            "summaries": lambda: Page(uow.summaries.of_form(record.intake_form_id)),
        }
        [listed] = [r for r in lists[repository]().items if r.id == record.id]
        is_same(listed, record, clinic.store)


def comes_back_changed(
    clinic: OpenClinic, repository: str, first: Any, second: Any
) -> None:
    """Store *first*, save *second* over it, and see that all of it is there."""
    made = {"created_at"} & {field.name for field in fields(type(first))}
    kept = {name: getattr(first, name) for name in made}
    changed = evolve(second, id=first.id, version=2, **kept)
    clinic.commit(
        lambda uow: getattr(uow, repository).add(evolve(first, version=1)),
        lambda uow: getattr(uow, repository).save(changed),
    )

    with clinic.unit_of_work() as uow:
        is_same(getattr(uow, repository).get(first.id), changed, clinic.store)


@everywhere
@given(record=doctors, other=doctors, week=weeks, has_account=st.booleans())
def test_a_doctor_comes_back_whole(
    record: Doctor,
    other: Doctor,
    week: list[WorkingHours],
    has_account: bool,
    store: Store,
) -> None:
    clinic = open_clinic(store, patients=0)
    record = evolve(record, user_id=clinic.owner.id if has_account else None)

    comes_back(clinic, "doctors", record)
    comes_back_changed(clinic, "doctors", evolve(record, id=doctor().id), other)
    clinic.commit(lambda uow: uow.doctors.set_hours(record.id, week))

    with clinic.uow as uow:
        assert set(uow.doctors.hours_of(record.id)) == set(week)


@everywhere
@given(record=patients, other=patients)
def test_a_patient_comes_back_whole(
    record: Patient, other: Patient, store: Store
) -> None:
    clinic = open_clinic(store, patients=0)

    comes_back(clinic, "patients", record)
    comes_back_changed(clinic, "patients", evolve(record, id=patient().id), other)


@everywhere
@given(data=st.data())
def test_an_account_comes_back_whole(data: st.DataObject, store: Store) -> None:
    clinic = open_clinic(store, patients=0)

    comes_back(clinic, "users", data.draw(users_of(clinic)))


@everywhere
@given(data=st.data(), zone=st.sampled_from(ZONES))
def test_a_visit_comes_back_whole(data: st.DataObject, zone: str, store: Store) -> None:
    clinic = open_clinic(store, timezone=zone, patients=1)
    series = clinic.series()
    clinic.commit(lambda uow: uow.appointments.add_series(series))
    record = data.draw(visits_of(clinic, series.id))
    other = data.draw(visits_of(clinic, series.id))
    again = evolve(record, id=appointment().id, status=Status.CANCELLED, override=None)

    comes_back(clinic, "appointments", record)
    comes_back_changed(
        clinic, "appointments", again, evolve(other, status=Status.NO_SHOW)
    )


@everywhere
@given(
    kind=st.sampled_from(CancellationType),
    note=maybe(texts(2000)),
    at=instants,
    by_owner=st.booleans(),
    late=st.booleans(),
)
def test_a_cancellation_comes_back_whole(
    kind: CancellationType,
    note: str | None,
    at: datetime,
    by_owner: bool,
    late: bool,
    store: Store,
) -> None:
    clinic = open_clinic(store, patients=1)
    visit = clinic.store_visit()
    record = Cancellation(
        id=appointment().id,
        appointment_id=visit.id,
        patient_id=visit.patient_id,
        cancelled_by_id=clinic.owner.id if by_owner else None,
        cancellation_type=kind,
        reason_note=note,
        late=late,
        created_at=at,
    )

    clinic.commit(lambda uow: uow.appointments.cancel(record))

    with clinic.uow as uow:
        [found] = uow.appointments.cancellations_of(visit.id)
    is_same(found, record, store)


@everywhere
@given(day=st.dates(), before=st.none() | stretches, hours=stretches)
def test_the_hours_of_a_day_come_back_whole(
    day: date,
    before: list[DayStretch] | None,
    hours: list[DayStretch],
    store: Store,
) -> None:
    clinic = open_clinic(store, patients=0)

    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(clinic.doctor.id, day, before)
    )
    clinic.commit(lambda uow: uow.doctors.set_dated_hours(clinic.doctor.id, day, hours))

    with clinic.uow as uow:
        found = uow.doctors.dated_hours_of(clinic.doctor.id, day, day)
    assert found == (DatedHours(day, tuple(hours)),)


@everywhere
@given(
    bounds=st.lists(wall_clocks, min_size=2, max_size=2, unique=True).map(sorted),
    reason=maybe(texts(2000)),
    at=instants,
)
def test_time_off_comes_back_whole(
    bounds: list[LocalDateTime], reason: str | None, at: datetime, store: Store
) -> None:
    clinic = open_clinic(store, patients=0)
    record = TimeOff(
        id=time_off(clinic.doctor.id).id,
        doctor_id=clinic.doctor.id,
        starts=bounds[0],
        ends=bounds[1],
        reason=reason,
        created_at=at,
    )

    clinic.commit(lambda uow: uow.doctors.add_time_off(record))

    with clinic.uow as uow:
        is_same(uow.doctors.get_time_off(record.id), record, store)
        [listed] = uow.doctors.time_off_of(clinic.doctor.id, bounds[1].date())
    is_same(listed, record, store)


@everywhere
@given(data=st.data())
def test_a_series_comes_back_whole(data: st.DataObject, store: Store) -> None:
    clinic = open_clinic(store, patients=1)
    record = data.draw(
        with_fields(
            clinic.series(),
            patient_id=st.just(clinic.patient.id),
            rrule=texts(255),
            date=st.dates(),
            start_time=st.times(),
            duration=minutes_of_visits,
            created_at=instants,
        )
    )

    clinic.commit(lambda uow: uow.appointments.add_series(record))

    with clinic.uow as uow:
        is_same(uow.appointments.get_series(record.id), record, store)
        [belonging] = uow.belongings.of(clinic.patient.id)["appointment_series"]
    is_same(belonging, record, store)


@everywhere
@given(data=st.data())
def test_an_entry_of_the_waitlist_comes_back_whole(
    data: st.DataObject, store: Store
) -> None:
    clinic = open_clinic(store, patients=1)
    visit = clinic.store_visit()
    record = data.draw(entries_of(clinic, visit))
    other = data.draw(entries_of(clinic, visit))

    comes_back(clinic, "waitlist", record)
    comes_back_changed(clinic, "waitlist", evolve(record, id=clinic.entry().id), other)

    with clinic.uow as uow:
        [belonging] = (
            each
            for each in uow.belongings.of(clinic.patient.id)["waitlist"]
            if each.id == record.id
        )
    is_same(belonging, record, store)


@everywhere
@given(
    expires_at=instants,
    created_at=instants,
    outcome=st.sampled_from(sorted({*Outcome} - {Outcome.OPEN}, key=str)),
    data=st.data(),
)
def test_an_offer_comes_back_whole(
    expires_at: datetime,
    created_at: datetime,
    outcome: Outcome,
    data: st.DataObject,
    store: Store,
) -> None:
    clinic = open_clinic(store, patients=1)
    entry = clinic.store_entry()
    drawn = data.draw(visits_of(clinic, clinic.series().id))
    held = evolve(drawn, series_id=None, override=None)
    record = offer(held, entry, expires_at=expires_at, created_at=created_at)

    clinic.commit(lambda uow: uow.waitlist.add_offer(record, held))

    with clinic.uow as uow:
        is_same(uow.waitlist.get_offer(record.id), record, store)
        for listed in (
            uow.waitlist.offers_of([entry.id]),
            uow.waitlist.open_offers_with(clinic.doctor.id),
        ):
            is_same(*listed, record, store)
        uow.waitlist.end_offer(record.ended(outcome))
        uow.commit()
    with clinic.uow as uow:
        is_same(uow.waitlist.get_offer(record.id), record.ended(outcome), store)
        assert uow.waitlist.open_offers_with(clinic.doctor.id) == ()


@everywhere
@given(data=st.data())
def test_an_accepted_offer_becomes_the_visit_as_it_was_given(
    data: st.DataObject, store: Store
) -> None:
    clinic = open_clinic(store, patients=1)
    offered = clinic.store_offer()
    series = clinic.series()
    clinic.commit(lambda uow: uow.appointments.add_series(series))
    visit = evolve(data.draw(visits_of(clinic, series.id)), id=offered.id)

    clinic.commit(
        lambda uow: uow.waitlist.accept_offer(offered.ended(Outcome.ACCEPTED), visit)
    )

    with clinic.uow as uow:
        is_same(uow.appointments.get(visit.id), visit, store)


answers = st.dictionaries(texts(50), jsons, max_size=4)


def forms_of(clinic: OpenClinic) -> st.SearchStrategy[IntakeForm]:
    asked = clinic.store_questionnaire(f"intake-{uuid4()}")
    return with_fields(
        clinic.form(),
        patient_id=st.just(clinic.patient.id),
        # Otherwise one of them only would be current.
        appointment_id=st.none(),
        questionnaire_id=maybe(st.just(asked.id)),
        raw_answers=answers,
        draft=maybe(answers),
        dropped=st.lists(texts(50), max_size=3).map(tuple),
        status=st.sampled_from(FormStatus),
        submitted_at=maybe(instants),
        reviewed_at=maybe(instants),
        reviewed_by_id=maybe(st.just(clinic.owner.id)),
        revoked_at=maybe(instants),
        version=versions,
        created_at=instants,
        updated_at=instants,
    )


items = st.lists(
    st.builds(
        SummaryItem,
        text=texts(200),
        sources=st.lists(st.builds(Source, texts(50), texts(200)), max_size=2).map(
            tuple
        ),
        added=st.booleans(),
    ),
    max_size=2,
).map(tuple)
digests = st.builds(Digest, **{field.name: items for field in fields(Digest)})


def summaries_of(
    clinic: OpenClinic, form: IntakeForm, visit: Appointment
) -> st.SearchStrategy[Summary]:
    return with_fields(
        summary(form),
        patient_id=st.just(form.patient_id),
        appointment_id=maybe(st.just(visit.id)),
        intake_form_id=st.just(form.id),
        digest=digests,
        machine=maybe(digests),
        dropped=st.lists(
            st.builds(
                Dropped,
                item=st.sampled_from([field.name for field in fields(Digest)]),
                text=texts(200),
                reason=st.sampled_from(DropReason),
            ),
            max_size=2,
        ).map(tuple),
        failure=maybe(
            st.builds(
                Failure,
                reason=st.sampled_from(FailureReason),
                model_version=texts(50),
            )
        ),
        model_version=texts(50),
        status=st.sampled_from(SummaryStatus),
        generated_at=instants,
        signed_at=maybe(instants),
        signed_by_id=maybe(st.just(clinic.owner.id)),
        superseded_at=maybe(instants),
        version=versions,
    )


@everywhere
@given(data=st.data())
def test_a_form_comes_back_whole(data: st.DataObject, store: Store) -> None:
    clinic = open_clinic(store, patients=1)
    record = data.draw(forms_of(clinic))
    other = data.draw(forms_of(clinic))

    comes_back(clinic, "intake_forms", record)
    comes_back_changed(
        clinic, "intake_forms", evolve(record, id=clinic.form().id), other
    )

    with clinic.uow as uow:
        [belonging] = (
            each
            for each in uow.belongings.of(clinic.patient.id)["intake_forms"]
            if each["id"] == record.id
        )
    is_same(IntakeForm(**belonging), record, store)


@everywhere
@given(
    expires_at=instants,
    created_at=instants,
    revoked_at=maybe(instants),
    receipt=maybe(st.just("f" * 64)),
    tries=st.integers(0, 2**31 - 1),
)
def test_a_link_comes_back_whole(
    expires_at: datetime,
    created_at: datetime,
    revoked_at: datetime | None,
    receipt: str | None,
    tries: int,
    store: Store,
) -> None:
    clinic = open_clinic(store, patients=1)
    form = clinic.store_form()
    record = intake_link(
        form,
        expires_at=expires_at,
        created_at=created_at,
        revoked_at=revoked_at,
        receipt=receipt,
        birth_date_tries=tries,
    )

    clinic.commit(lambda uow: uow.intake_forms.add_link(record))

    with clinic.uow as uow:
        is_same(uow.intake_forms.hold_link(record.token_hash), record, store)
        [listed] = uow.intake_forms.links_of(form.id)
        is_same(listed, record, store)
        changed = evolve(
            intake_link(form),
            token_hash=record.token_hash,
            created_at=created_at,
            revoked_at=NOW,
            receipt="e" * 64,
            birth_date_tries=5,
        )
        uow.intake_forms.save_link(changed)
        uow.commit()
    with clinic.uow as uow:
        is_same(uow.intake_forms.hold_link(record.token_hash), changed, store)


@everywhere
@given(data=st.data())
def test_a_summary_comes_back_whole(data: st.DataObject, store: Store) -> None:
    clinic = open_clinic(store, patients=1)
    form, visit = clinic.store_form(), clinic.store_visit()
    record = data.draw(summaries_of(clinic, form, visit))
    other = data.draw(summaries_of(clinic, form, visit))
    again = evolve(record, id=summary(form).id, superseded_at=NOW)

    comes_back(clinic, "summaries", record)
    comes_back_changed(clinic, "summaries", again, evolve(other, superseded_at=NOW))

    with clinic.uow as uow:
        belongings = uow.belongings.of(clinic.patient.id)["ai_intake_summaries"]
        [belonging] = (each for each in belongings if each.id == record.id)
    is_same(belonging, record, store)


def test_a_questionnaire_comes_back_whole(clinic: OpenClinic) -> None:
    asked = clinic.store_questionnaire(
        "phq-9",
        Question(
            link_id="pain",
            kind=Kind.DECIMAL,
            text=NASTY[0],
            min_value=0.5,
            max_value=1e15,
        ),
        Question(link_id="since", kind=Kind.DATE, earliest=date(1900, 1, 1)),
        Question(
            link_id="drugs",
            kind=Kind.GROUP,
            repeats=True,
            topic=Topic.MEDICATIONS,
            items=(Question(link_id="drug", kind=Kind.STRING, facet=Facet.NAME),),
        ),
        version=3,
    )

    with clinic.uow as uow:
        is_same(uow.questionnaires.get(asked.id), asked, clinic.store)
        is_same(uow.questionnaires.newest("phq-9"), asked, clinic.store)
        [listed] = uow.questionnaires.page(ALL).items
    is_same(listed, asked, clinic.store)


@everywhere
@given(
    kind=texts(50),
    told=facts,
    available_at=instants,
    leased_until=maybe(instants),
    done_at=maybe(instants),
    dead_at=maybe(instants),
    revived_after=st.integers(0, 2**31 - 1),
    error=maybe(texts(50)),
)
def test_a_job_comes_back_whole(
    kind: str, told: dict[str, object], store: Store, watch: Watch, **changes: Any
) -> None:
    watch.at = NOW
    clinic = open_clinic(store, patients=1)
    clinic.commit(lambda uow: uow.record(kind, clinic.patient, told))

    with clinic.uow as uow:
        [made] = uow.jobs.page([kind], None, ALL).items
        changed = evolve(made, **changes)
        uow.jobs.save(changed)
        uow.commit()

    expected = Job(
        id=made.id,
        kind=kind,
        record_id=clinic.patient.id,
        facts=told,
        available_at=NOW,
    )
    is_same(made, expected, store)
    with clinic.uow as uow:
        is_same(uow.jobs.get(made.id), changed, store)
        [listed] = uow.jobs.page([kind], None, ALL).items
    is_same(listed, changed, store)


@everywhere
@given(
    kind=texts(50),
    at=instants,
    actor=texts(50),
    reason=maybe(texts(2000)),
    told=facts,
    by_owner=st.booleans(),
)
def test_an_event_comes_back_whole(
    kind: str,
    at: datetime,
    actor: str,
    reason: str | None,
    told: dict[str, object],
    by_owner: bool,
    store: Store,
    watch: Watch,
) -> None:
    watch.at = NOW
    clinic = open_clinic(store, patients=0)
    watch.at = at
    record = patient()
    by = evolve(system(actor), user_id=clinic.owner.id if by_owner else None)

    with store.unit_of_work(clinic.id, by) as uow:
        uow.record(kind, record, told, reason)
        uow.commit()

    with clinic.system() as uow:
        [found] = uow.events.of(record.id)
    expected = Event(
        id=found.id,
        kind=kind,
        record_id=record.id,
        at=at,
        actor=actor,
        user_id=by.user_id,
        reason=reason,
        facts=told,
    )
    is_same(found, expected, store)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_text_comes_back_as_it_was(text: str, clinic: OpenClinic) -> None:
    record = patient(first_name=text, last_name=text, email=text)

    comes_back(clinic, "patients", record)

    with clinic.uow as uow:
        found = uow.patients.named([record.id])
    assert found == {record.id: record}
