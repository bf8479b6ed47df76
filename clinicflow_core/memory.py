"""
The record in memory: for trying things out, for tests, for embedding.

It behaves as the databases do: a unit of work reads what is committed and what
it wrote itself, `Diaries.hold` waits for others, and a commit checks once more
that no time is sold twice.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from attrs import astuple, define, evolve, frozen

from clinicflow_core import ports
from clinicflow_core.accounts.lockout import Tries
from clinicflow_core.accounts.permissions import Actor, actor_of, at_the_entrance
from clinicflow_core.clock import SystemClock
from clinicflow_core.duplicates import MatchKeys, match_keys
from clinicflow_core.entities.appointment import Appointment, Cancellation
from clinicflow_core.entities.calendar import (
    Calendar,
    DatedHours,
    DayStretch,
    TimeOff,
)
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.doctor import Doctor, WorkingHours
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import (
    AppointmentId,
    ClinicId,
    DoctorId,
    PatientId,
    SeriesId,
    SessionId,
    TimeOffId,
    UserId,
    WaitlistId,
)
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.user import Role, Session, User, UserStatus
from clinicflow_core.entities.waitlist import (
    Offer,
    Outcome,
    WaitlistEntry,
    WaitlistStatus,
)
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    AppointmentNotFoundError,
    BookingConflictError,
    ClinicNotFoundError,
    ContentionError,
    DoctorNotFoundError,
    EmailTakenError,
    GoogleTakenError,
    KeyReusedError,
    NotFoundError,
    NotSignedInError,
    OfferNotOpenError,
    PatientNotFoundError,
    RefusedError,
    SeriesNotFoundError,
    StaleVersionError,
    StoreBusyError,
    TimeOffNotFoundError,
    UserNotFoundError,
    WaitlistEntryNotFoundError,
)
from clinicflow_core.scheduling.conflicts import ConflictKind, visit_in_the_way
from clinicflow_core.scheduling.diary import BusyTime, Diary, busy_time_of, days_of
from clinicflow_core.timespan import TimeSpan
from clinicflow_core.trail import Link, linked

_WAIT_SECONDS = 5.0
_DAY = timedelta(days=1)
_Key = tuple[object, ...]
_Rows = dict[_Key, Any]


class MemoryStore:
    """Everything that is kept, for all clinics, until the program ends."""

    def __init__(self, clock: ports.Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._committed: defaultdict[tuple[str, object], _Rows] = defaultdict(dict)
        self._visits_of: defaultdict[UUID, set[AppointmentId]] = defaultdict(set)
        self._sharing: defaultdict[_Key, set[PatientId]] = defaultdict(set)
        self._committing = threading.Lock()
        self._holds: defaultdict[object, threading.Lock] = defaultdict(threading.Lock)

    def unit_of_work(
        self,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: ports.Once | None = None,
        request_id: str | None = None,
    ) -> MemoryUnitOfWork:
        """See `ports.Store.unit_of_work`."""
        return MemoryUnitOfWork(self, clinic_id, by, once, request_id)

    def entrance(self, request_id: str | None = None) -> MemoryEntrance:
        return MemoryEntrance(self, request_id)


@define
class _Write:
    table: str
    scope: object
    key: _Key
    value: Any
    check: Callable[[Any], None]


def _anything(_: Any) -> None:
    """Accept whatever is stored."""


def _nothing(stored: Any) -> None:
    """Refuse to store under a key that is taken."""
    if stored is not None:
        raise ContentionError(StoreBusyError())


class _Transaction:
    """Reads what is committed and what it wrote; commits all of it or nothing."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._writes: list[_Write] = []
        self._happened: list[tuple[ClinicId, Event]] = []
        self._held: list[object] = []
        self.now = datetime.min

    def _begin(self) -> None:
        self._writes = []
        self._happened = []
        self.now = self._store._clock.now()

    def _end(self) -> None:
        for each in reversed(self._held):
            self._store._holds[each].release()
        self._held = []

    def find(self, table: str, scope: object, key: _Key) -> Any:
        for write in reversed(self._writes):
            if (write.table, write.scope, write.key) == (table, scope, key):
                return write.value
        with self._store._committing:
            return self._store._committed[table, scope].get(key)

    def rows(self, table: str, scope: object) -> _Rows:
        """Return the rows of *table* that belong to *scope*, by key."""
        with self._store._committing:
            rows = dict(self._store._committed[table, scope])
        for write in self._writes:
            if (write.table, write.scope) == (table, scope):
                _put(rows, write.key, write.value)
        return rows

    def written(self, table: str, scope: object) -> list[_Key]:
        """Return the keys of what this transaction wrote."""
        return [w.key for w in self._writes if (w.table, w.scope) == (table, scope)]

    def write(
        self,
        table: str,
        scope: object,
        key: _Key,
        value: Any,
        check: Callable[[Any], None] = _anything,
    ) -> None:
        """Store *value*, or remove the row for None, if *check* accepts the old one."""
        self._writes.append(_Write(table, scope, key, value, check))

    def hold(self, several: Sequence[object]) -> None:
        for each in several:
            if each not in self._held:
                if not self._store._holds[each].acquire(timeout=_WAIT_SECONDS):
                    raise StoreBusyError
                self._held.append(each)

    def happened(self, clinic_id: ClinicId, event: Event) -> None:
        """Write *event* to the trail when all else is written."""
        self._happened.append((clinic_id, event))

    def visits_of(
        self, clinic_id: ClinicId, people: Collection[UUID], table: str
    ) -> Iterator[Appointment]:
        with self._store._committing:
            rows = self._store._committed[table, clinic_id]
            ids = set().union(*(self._store._visits_of[person] for person in people))
            visits: _Rows = {(i,): rows[i,] for i in ids if (i,) in rows}
        for write in self._writes:
            if write.table == table:
                _put(visits, write.key, write.value)
        wanted = set(people)
        return (v for v in visits.values() if {v.doctor_id, v.patient_id} & wanted)

    def commit(self) -> None:
        with self._store._committing:
            undone: list[tuple[_Rows, _Key, Any]] = []
            try:
                for write in self._writes:
                    rows = self._store._committed[write.table, write.scope]
                    before = rows.get(write.key)
                    write.check(before)
                    undone.append((rows, write.key, before))
                    _put(rows, write.key, write.value)
                    if isinstance(write.value, Appointment):
                        for person in (write.value.doctor_id, write.value.patient_id):
                            self._store._visits_of[person].add(write.value.id)
                    if isinstance(write.value, Patient):
                        for key in _shared_keys(write.scope, match_keys(write.value)):
                            self._store._sharing[key].add(write.value.id)
            except BaseException:
                for rows, key, before in reversed(undone):
                    _put(rows, key, before)
                raise
            for clinic_id, event in self._happened:
                self._store._committed["events", clinic_id][event.id,] = event
                chains = self._store._committed["chains", clinic_id]
                chain = chains.setdefault((event.record_id,), [])
                chain.append(linked(clinic_id, event, chain[-1] if chain else None))
        self._writes = []
        self._happened = []


def _shared_keys(scope: object, keys: MatchKeys) -> list[_Key]:
    """Return *keys* as a patient of the clinic *scope* is kept under them."""
    return [
        (scope, place, key)
        for place, key in enumerate(astuple(keys))
        if key is not None
    ]


def _put(rows: _Rows, key: _Key, value: Any) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


class _Versioned(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...


def _follows(record: _Versioned) -> Callable[[Any], None]:
    def check(stored: _Versioned | None) -> None:
        if stored is None or stored.version != record.version - 1:
            raise ContentionError(StaleVersionError(record.id))

    return check


_S = TypeVar("_S", bound=ports.Sorted)


def _page_of(records: Iterable[_S], request: ports.PageRequest) -> ports.Page[_S]:
    after = request.after
    ordered = sorted(
        (r for r in records if after is None or r.sort_key > after),
        key=lambda record: record.sort_key,
    )
    items = tuple(ordered[: request.limit])
    more = len(ordered) > len(items)
    return ports.Page(items, items[-1].sort_key if more else None)


class _Repository:
    """What the repositories of one clinic share: where they read and write."""

    def __init__(self, transaction: _Transaction, clinic_id: ClinicId) -> None:
        self._transaction = transaction
        self._clinic_id = clinic_id

    def _get(self, table: str, record_id: UUID, error: type[NotFoundError]) -> Any:
        record = self._transaction.find(table, self._clinic_id, (record_id,))
        if record is None:
            raise error(record_id)
        return record

    def _all(self, table: str) -> Iterable[Any]:
        return self._transaction.rows(table, self._clinic_id).values()

    def _put(self, table: str, record: Any, *checks: Callable[[Any], None]) -> None:
        def check(stored: Any) -> None:
            for each in checks:
                each(stored)

        self._transaction.write(table, self._clinic_id, (record.id,), record, check)

    def _there(self, table: str, record_id: UUID | None) -> Callable[[Any], None]:
        """Return the check that a record of this clinic is there, or not asked for."""
        stored = self._transaction._store._committed

        def check(_: Any) -> None:
            if table == "users":
                user = stored["users", None].get((record_id,))
                there = user is not None and user.clinic_id == self._clinic_id
            else:
                record = stored[table, self._clinic_id].get((record_id,))
                there = record is not None and not _is_merged(record)
            if record_id is not None and not there:
                raise ContentionError(StoreBusyError())

        return check

    def _without_visits(self, person: DoctorId | PatientId) -> Callable[[Any], None]:
        """Return the check that nobody meets *person*, or waits to."""
        store = self._transaction._store

        def records() -> Iterator[Any]:
            for table in ("appointments", "holds"):
                visits = store._committed[table, self._clinic_id]
                for visit_id in store._visits_of[person]:
                    if (visit_id,) in visits:
                        yield visits[visit_id,]
            for table in ("series", "waitlist"):
                yield from store._committed[table, self._clinic_id].values()

        def check(_: Any) -> None:
            for record in records():
                if person in (record.doctor_id, record.patient_id):
                    raise ContentionError(StoreBusyError())

        return check


def _is_merged(record: Any) -> bool:
    return isinstance(record, Patient) and record.merged_into_id is not None


class MemoryDoctors(_Repository):
    """See `ports.Doctors`."""

    def add(self, doctor: Doctor) -> None:
        self._put("doctors", doctor, _nothing, self._there("users", doctor.user_id))

    def get(self, doctor_id: DoctorId) -> Doctor:
        doctor: Doctor = self._get("doctors", doctor_id, DoctorNotFoundError)
        return doctor

    def save(self, doctor: Doctor) -> None:
        account = self._there("users", doctor.user_id)
        self._put("doctors", doctor, _follows(doctor), account)

    def remove(self, doctor_id: DoctorId) -> None:
        key = (doctor_id,)
        is_free = self._without_visits(doctor_id)
        self._transaction.write("doctors", self._clinic_id, key, None, is_free)
        self._transaction.write("hours", self._clinic_id, key, None)
        for table in ("dated_hours", "time_off", "offers"):
            rows = self._transaction.rows(table, self._clinic_id)
            for of_doctor, kept in rows.items():
                if doctor_id in (of_doctor[0], getattr(kept, "doctor_id", None)):
                    self._transaction.write(table, self._clinic_id, of_doctor, None)

    def page(self, request: ports.PageRequest) -> ports.Page[Doctor]:
        return _page_of(self._all("doctors"), request)

    def hours_of(self, doctor_id: DoctorId) -> tuple[WorkingHours, ...]:
        found = self._transaction.find("hours", self._clinic_id, (doctor_id,))
        return found or ()

    def hours_of_all(
        self, doctor_ids: Collection[DoctorId]
    ) -> Mapping[DoctorId, tuple[WorkingHours, ...]]:
        return {doctor_id: self.hours_of(doctor_id) for doctor_id in doctor_ids}

    def set_hours(self, doctor_id: DoctorId, hours: Sequence[WorkingHours]) -> None:
        ordered = sorted(hours, key=WorkingHours.minutes_of_week)
        self._transaction.write(
            "hours",
            self._clinic_id,
            (doctor_id,),
            tuple(ordered),
            self._there("doctors", doctor_id),
        )

    def dated_hours_of(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> tuple[DatedHours, ...]:
        rows = self._transaction.rows("dated_hours", self._clinic_id)
        found = (day for key, day in rows.items() if key[0] == doctor_id)
        within = (day for day in found if first <= day.date <= last)
        return tuple(sorted(within, key=lambda day: day.date))

    def set_dated_hours(
        self, doctor_id: DoctorId, day: date, hours: Sequence[DayStretch] | None
    ) -> None:
        kept = None if hours is None else DatedHours(day, tuple(hours))
        is_there = self._there("doctors", doctor_id)
        key = (doctor_id, day)
        self._transaction.write("dated_hours", self._clinic_id, key, kept, is_there)

    def time_off_of(self, doctor_id: DoctorId, since: date) -> tuple[TimeOff, ...]:
        found = (
            off
            for off in self._all("time_off")
            if off.doctor_id == doctor_id and off.ends.date() >= since
        )
        ordered = sorted(found, key=lambda off: off.sort_key)
        return tuple(ordered[: ports.MOST_TIME_OFF])

    def add_time_off(self, time_off: TimeOff) -> None:
        is_there = self._there("doctors", time_off.doctor_id)
        self._put("time_off", time_off, _nothing, is_there)

    def get_time_off(self, time_off_id: TimeOffId) -> TimeOff:
        found: TimeOff = self._get("time_off", time_off_id, TimeOffNotFoundError)
        return found

    def remove_time_off(self, time_off_id: TimeOffId) -> None:
        self._transaction.write("time_off", self._clinic_id, (time_off_id,), None)

    def of_specialty(self, specialty: str, limit: int) -> tuple[Doctor, ...]:
        found = (d for d in self._all("doctors") if d.specialty == specialty)
        return tuple(sorted(found, key=lambda doctor: doctor.sort_key)[:limit])


class MemoryPatients(_Repository):
    """See `ports.Patients`."""

    def add(self, patient: Patient) -> None:
        self._put("patients", patient, _nothing)

    def get(self, patient_id: PatientId) -> Patient:
        patient: Patient = self._get("patients", patient_id, PatientNotFoundError)
        if _is_merged(patient):
            raise PatientNotFoundError(patient_id)
        return patient

    def save(self, patient: Patient) -> None:
        self._put("patients", patient, _follows(patient))

    def remove(self, patient_id: PatientId) -> None:
        is_free = self._without_visits(patient_id)
        key = (patient_id,)
        self._transaction.write("patients", self._clinic_id, key, None, is_free)

    def page(
        self,
        words: Collection[str],
        request: ports.PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> ports.Page[Patient]:
        theirs = {
            visit.patient_id
            for visit in self._all("appointments")
            if visit.doctor_id == of_doctor
        }
        found = (
            patient
            for patient in self._all("patients")
            if not _is_merged(patient)
            and patient.erased_at is None
            and (of_doctor is None or patient.id in theirs)
            and all(word in patient.search_text for word in words)
        )
        return _page_of(found, request)

    def named(self, patient_ids: Collection[PatientId]) -> Mapping[PatientId, Patient]:
        rows = self._transaction.rows("patients", self._clinic_id)
        found = {i: rows[i,] for i in patient_ids if (i,) in rows}
        return {i: patient for i, patient in found.items() if not _is_merged(patient)}

    def sharing(self, keys: Sequence[MatchKeys]) -> list[tuple[Patient, ...]]:
        rows = self._transaction.rows("patients", self._clinic_id)
        written = self._transaction.written("patients", self._clinic_id)
        return [self._sharing_one(each, rows, written) for each in keys]

    def _sharing_one(
        self, keys: MatchKeys, rows: _Rows, written: Collection[_Key]
    ) -> tuple[Patient, ...]:
        wanted = set(_shared_keys(self._clinic_id, keys))
        store = self._transaction._store
        with store._committing:
            ids = [i for key in wanted for i in store._sharing.get(key, ())]
        near: set[_Key] = {*written, *((i,) for i in ids)}
        shared: dict[Patient, int] = {}
        for key in near & rows.keys():
            has = _shared_keys(self._clinic_id, match_keys(rows[key]))
            shared[rows[key]] = len(wanted.intersection(has))
        found = [patient for patient, count in shared.items() if count]
        found.sort(key=lambda patient: (-shared[patient], patient.id))
        return tuple(found[: ports.MOST_COMPARED])

    def merged_into(self, patient_id: PatientId) -> tuple[Patient, ...]:
        found = (p for p in self._all("patients") if p.merged_into_id == patient_id)
        return tuple(sorted(found, key=lambda patient: patient.id))


class MemoryAppointments(_Repository):
    """See `ports.Appointments`."""

    def add(self, appointment: Appointment) -> None:
        self._put("appointments", appointment, _nothing, *self._can_stand(appointment))

    def get(self, appointment_id: AppointmentId) -> Appointment:
        found: Appointment = self._get(
            "appointments", appointment_id, AppointmentNotFoundError
        )
        return found

    def save(self, appointment: Appointment) -> None:
        follows = _follows(appointment)
        self._put("appointments", appointment, follows, *self._can_stand(appointment))

    def page(
        self, which: ports.AppointmentFilter, request: ports.PageRequest
    ) -> ports.Page[Appointment]:
        found = (visit for visit in self._all("appointments") if _agrees(visit, which))
        return _page_of(found, request)

    def of_series(self, series_id: SeriesId) -> tuple[Appointment, ...]:
        found = (v for v in self._all("appointments") if v.series_id == series_id)
        return tuple(sorted(found, key=lambda visit: visit.sort_key))

    def of_series_with(
        self, doctor_id: DoctorId, limit: int
    ) -> tuple[Appointment, ...]:
        booked = {s.id for s in self._all("series") if s.doctor_id == doctor_id}
        found = (v for v in self._all("appointments") if v.series_id in booked)
        return tuple(sorted(found, key=lambda visit: visit.sort_key)[:limit])

    def add_series(self, series: Series) -> None:
        self._put(
            "series",
            series,
            _nothing,
            self._there("doctors", series.doctor_id),
            self._there("patients", series.patient_id),
        )

    def get_series(self, series_id: SeriesId) -> Series:
        found: Series = self._get("series", series_id, SeriesNotFoundError)
        return found

    def cancel(self, cancellation: Cancellation) -> None:
        self._put(
            "cancellations",
            cancellation,
            _nothing,
            self._there("appointments", cancellation.appointment_id),
            self._there("patients", cancellation.patient_id),
            self._there("users", cancellation.cancelled_by_id),
        )

    def cancellations_of(
        self, appointment_id: AppointmentId
    ) -> tuple[Cancellation, ...]:
        found = (
            c for c in self._all("cancellations") if c.appointment_id == appointment_id
        )
        return tuple(sorted(found, key=lambda c: (c.created_at, c.id)))

    def _can_stand(self, visit: Appointment) -> tuple[Callable[[Any], None], ...]:
        overridden_by = visit.override.by_id if visit.override else None
        return (
            self._there("doctors", visit.doctor_id),
            self._there("patients", visit.patient_id),
            self._there("users", overridden_by),
            self._there("series", visit.series_id),
            self._time_is_free(visit),
        )

    def _time_is_free(self, visit: Appointment) -> Callable[[Any], None]:
        """Return the store's own check, which asks no rule and trusts no lock."""

        def check(_: Any) -> None:
            self._store_refuses_overlap(visit)

        return check

    def _store_refuses_overlap(self, visit: Appointment) -> None:
        zone = self._transaction._store._committed["clinics", None][
            self._clinic_id,
        ].zone
        taken = busy_time_of(visit)
        for person, kind in (
            (taken.doctor_id, ConflictKind.DOCTOR_BUSY),
            (taken.patient_id, ConflictKind.PATIENT_BUSY),
        ):
            for other in self._stored_visits_of(person):
                # A year of visits is booked at once: most are told apart by this.
                if other.ends_at <= visit.starts_at or visit.ends_at <= other.starts_at:
                    continue
                holds = busy_time_of(other)
                if other.id != visit.id and person in (
                    holds.doctor_id,
                    holds.patient_id,
                ):
                    conflict = visit_in_the_way(kind, other.span, zone)
                    raise ContentionError(BookingConflictError((conflict,)))

    def _stored_visits_of(self, person: UUID | None) -> Iterator[Appointment]:
        """Yield a person's visits, and what is held for the waitlist."""
        store = self._transaction._store
        if person is not None:
            for visit_id in store._visits_of[person]:
                for table in ("appointments", "holds"):
                    found = store._committed[table, self._clinic_id].get((visit_id,))
                    if found is not None:
                        yield found


def _agrees(visit: Appointment, which: ports.AppointmentFilter) -> bool:
    return (
        (which.first is None or visit.date >= which.first)
        and (which.last is None or visit.date <= which.last)
        and which.doctor_id in (None, visit.doctor_id)
        and which.patient_id in (None, visit.patient_id)
        and which.status in (None, visit.status)
        and which.intake_status in (None, visit.intake_status)
    )


class MemoryBelongings(_Repository):
    """See `ports.Belongings`. Of intake there is nothing in memory yet."""

    def of(self, patient_id: PatientId) -> Mapping[str, tuple[object, ...]]:
        return {
            "ai_intake_summaries": (),
            "appointment_series": tuple(self._of("series", patient_id)),
            "appointments": tuple(self._of("appointments", patient_id)),
            "cancellations": tuple(self._of("cancellations", patient_id)),
            "intake_forms": (),
            "waitlist": tuple(self._of("waitlist", patient_id)),
        }

    def move(
        self, patient_id: PatientId, to: PatientId, now: datetime
    ) -> Mapping[str, tuple[UUID, ...]]:
        visits = self._of("appointments", patient_id)
        cancellations = self._of("cancellations", patient_id)
        desk = MemoryAppointments(self._transaction, self._clinic_id)
        for visit in visits:
            desk.save(visit.given_to(to, now))
        for each in cancellations:
            self._put("cancellations", evolve(each, patient_id=to))
        series = self._of("series", patient_id)
        for each in series:
            self._put("series", evolve(each, patient_id=to))
        entries = self._of("waitlist", patient_id)
        for each in entries:
            version = each.version + 1
            moved = evolve(each, patient_id=to, version=version, updated_at=now)
            self._put("waitlist", moved)
        for held in self._of("holds", patient_id):
            moved = held.given_to(to, now)
            self._put("holds", moved, desk._time_is_free(moved))
        patients = MemoryPatients(self._transaction, self._clinic_id)
        for merged in patients.merged_into(patient_id):
            patients.save(merged.merged_into(to, now))
        origins = MemoryOrigins(self._transaction, self._clinic_id)
        for key in origins.of("patient", patient_id):
            self._transaction.write("origins", self._clinic_id, ("patient", key), to)
        return {
            "ai_intake_summaries": (),
            "appointment_series": tuple(each.id for each in series),
            "appointments": tuple(visit.id for visit in visits),
            "cancellations": tuple(each.id for each in cancellations),
            "intake_forms": (),
            "waitlist": tuple(each.id for each in entries),
        }

    def blank(self, patient_id: PatientId, now: datetime) -> None:
        desk = MemoryAppointments(self._transaction, self._clinic_id)
        for visit in self._of("appointments", patient_id):
            desk.save(visit.anonymous(now))
        for each in self._of("cancellations", patient_id):
            self._put("cancellations", evolve(each, reason_note=None))
        for each in self._of("waitlist", patient_id):
            version = each.version + 1
            blank = evolve(each, note=None, version=version, updated_at=now)
            self._put("waitlist", blank)
        answers = self._transaction.rows("answers", self._clinic_id)
        for key, kept in answers.items():
            if str(patient_id) in json.dumps(kept.answer):
                forgotten = evolve(kept, fingerprint="", answer=None)
                self._transaction.write("answers", self._clinic_id, key, forgotten)

    def _of(self, table: str, patient_id: PatientId) -> list[Any]:
        found = (each for each in self._all(table) if each.patient_id == patient_id)
        return sorted(found, key=lambda each: each.id)


class MemoryDiaries(_Repository):
    """See `ports.Diaries`."""

    def read(
        self,
        doctor_ids: Collection[DoctorId] | None,
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        doctors = MemoryDoctors(self._transaction, self._clinic_id)
        patients = MemoryPatients(self._transaction, self._clinic_id)
        clinic: Clinic = self._transaction.find("clinics", None, (self._clinic_id,))
        if doctor_ids is None:
            found = doctors.page(ports.PageRequest(limit=ports.MOST_DOCTORS)).items
            doctor_ids = [doctor.id for doctor in found]
        known = sorted(
            (doctors.get(i) for i in dict.fromkeys(doctor_ids)),
            key=lambda doctor: doctor.sort_key,
        )
        first, last = days_of(window, clinic.zone)
        people: set[UUID] = {*doctor_ids, *patient_ids}
        held = self._transaction.rows("offers", self._clinic_id)
        lapsed = {
            offer.id
            for offer in held.values()
            if not offer.counts(self._transaction.now)
        }
        holds = list(self._near("holds", people, window))
        return Diary(
            zone=clinic.zone,
            now=self._transaction.now,
            policy=clinic.policy,
            doctors={doctor.id: doctor for doctor in known},
            patients={i: patients.get(i) for i in patient_ids},
            calendars={
                doctor.id: Calendar(
                    weekly=doctors.hours_of(doctor.id),
                    # What runs past midnight began the day before.
                    dated=doctors.dated_hours_of(doctor.id, first - _DAY, last + _DAY),
                    time_off=tuple(
                        off
                        for off in doctors.time_off_of(doctor.id, first - _DAY)
                        if off.starts.date() <= last + _DAY
                    ),
                )
                for doctor in known
            },
            busy=_by_start(
                (
                    *self._near("appointments", people, window),
                    *(each for each in holds if each.appointment_id not in lapsed),
                )
            ),
            lapsed=_by_start(each for each in holds if each.appointment_id in lapsed),
        )

    def _near(
        self, table: str, people: Collection[UUID], window: TimeSpan
    ) -> Iterator[BusyTime]:
        for visit in self._transaction.visits_of(self._clinic_id, people, table):
            taken = busy_time_of(visit, is_offer=table == "holds")
            takes = {taken.doctor_id, taken.patient_id} & set(people)
            if takes and visit.span.overlaps(window):
                yield taken

    def hold(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        self._transaction.hold((*sorted(doctor_ids), *sorted(patient_ids)))
        return self.read(doctor_ids, patient_ids, window)


def _by_start(times: Iterable[BusyTime]) -> tuple[BusyTime, ...]:
    return tuple(sorted(times, key=lambda b: (b.span.start, b.appointment_id)))


class MemoryWaitlist(_Repository):
    """See `ports.Waitlist`."""

    def add(self, entry: WaitlistEntry) -> None:
        self._put("waitlist", entry, _nothing, *self._people_of(entry))

    def get(self, waitlist_id: WaitlistId) -> WaitlistEntry:
        found: WaitlistEntry = self._get(
            "waitlist", waitlist_id, WaitlistEntryNotFoundError
        )
        return found

    def save(self, entry: WaitlistEntry) -> None:
        self._put("waitlist", entry, _follows(entry), *self._people_of(entry))

    def _people_of(self, entry: WaitlistEntry) -> tuple[Callable[[Any], None], ...]:
        return (
            self._there("patients", entry.patient_id),
            self._there("doctors", entry.doctor_id),
            self._there("appointments", entry.appointment_id),
        )

    def page(
        self, status: WaitlistStatus | None, request: ports.PageRequest
    ) -> ports.Page[WaitlistEntry]:
        found = (e for e in self._all("waitlist") if status in (None, e.status))
        return _page_of(found, request)

    def waiting(
        self, doctor_id: DoctorId, first: date, last: date, limit: int
    ) -> tuple[WaitlistEntry, ...]:
        found = self._ranked(
            lambda entry: (
                entry.status is WaitlistStatus.WAITING
                and entry.doctor_id in (None, doctor_id)
                and entry.first_date <= last
                and first <= entry.last_date
            )
        )
        return found[:limit]

    def of_patient(self, patient_id: PatientId) -> tuple[WaitlistEntry, ...]:
        return self._ranked(lambda entry: entry.patient_id == patient_id)

    def of_doctor(self, doctor_id: DoctorId) -> tuple[WaitlistEntry, ...]:
        return self._ranked(lambda entry: entry.doctor_id == doctor_id)

    def _ranked(
        self, fits: Callable[[WaitlistEntry], bool]
    ) -> tuple[WaitlistEntry, ...]:
        found = filter(fits, self._all("waitlist"))
        return tuple(sorted(found, key=lambda entry: entry.sort_key))

    def remove(self, waitlist_id: WaitlistId) -> None:
        for offer in self.offers_of([waitlist_id]):
            self._transaction.write("offers", self._clinic_id, (offer.id,), None)
        self._transaction.write("waitlist", self._clinic_id, (waitlist_id,), None)

    def add_offer(self, offer: Offer, visit: Appointment) -> None:
        desk = MemoryAppointments(self._transaction, self._clinic_id)
        self._put("holds", visit, _nothing, *desk._can_stand(visit))
        rows = self._transaction._store._committed["offers", self._clinic_id]

        def is_only_one(stored: Any) -> None:
            _nothing(stored)
            for other in rows.values():
                same = other.waitlist_id == offer.waitlist_id
                if same and other.outcome is Outcome.OPEN:
                    raise ContentionError(StoreBusyError())

        is_there = self._there("waitlist", offer.waitlist_id)
        self._put("offers", offer, is_only_one, is_there)

    def offers_of(self, waitlist_ids: Collection[WaitlistId]) -> tuple[Offer, ...]:
        found = (o for o in self._all("offers") if o.waitlist_id in waitlist_ids)
        return tuple(sorted(found, key=lambda offer: (offer.created_at, offer.id)))

    def open_offers_with(self, doctor_id: DoctorId) -> tuple[Offer, ...]:
        found = (
            offer
            for offer in self._all("offers")
            if offer.doctor_id == doctor_id and offer.outcome is Outcome.OPEN
        )
        return tuple(sorted(found, key=lambda offer: (offer.created_at, offer.id)))

    def get_offer(self, offer_id: AppointmentId) -> Offer:
        found: Offer | None = self._transaction.find(
            "offers", self._clinic_id, (offer_id,)
        )
        if found is None:
            raise ContentionError(StoreBusyError())
        return found

    def lapsed(self, limit: int) -> tuple[Offer, ...]:
        now = self._transaction.now
        found = (
            offer
            for offer in self._all("offers")
            if offer.outcome is Outcome.OPEN and not offer.counts(now)
        )
        ordered = sorted(found, key=lambda offer: (offer.expires_at, offer.id))
        return tuple(ordered[:limit])

    def let_go(self, offer_id: AppointmentId) -> None:
        self._transaction.write("holds", self._clinic_id, (offer_id,), None)

    def end_offer(self, offer: Offer) -> None:
        def is_open(stored: Offer | None) -> None:
            if stored is None or stored.outcome is not Outcome.OPEN:
                raise ContentionError(OfferNotOpenError(offer.waitlist_id))

        self._put("offers", offer, is_open)
        self.let_go(offer.id)

    def accept_offer(self, offer: Offer, visit: Appointment) -> None:
        def is_held(stored: Appointment | None) -> None:
            if stored is None:
                raise ContentionError(OfferNotOpenError(offer.waitlist_id))

        key = (offer.id,)
        self._transaction.write("holds", self._clinic_id, key, None, is_held)
        self.end_offer(offer)
        MemoryAppointments(self._transaction, self._clinic_id).add(visit)


class MemoryOrigins(_Repository):
    """See `ports.Origins`."""

    def known(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        rows = self._transaction.rows("origins", self._clinic_id)
        return {key: rows[kind, key] for key in keys if (kind, key) in rows}

    def add(self, kind: str, key: str, record_id: UUID) -> None:
        self._transaction.write(
            "origins", self._clinic_id, (kind, key), record_id, _nothing
        )

    def of(self, kind: str, record_id: UUID) -> tuple[str, ...]:
        rows = self._transaction.rows("origins", self._clinic_id)
        found = (
            key[1] for key, at in rows.items() if (key[0], at) == (kind, record_id)
        )
        return tuple(sorted(map(str, found)))

    def forget(self, kind: str, record_id: UUID) -> None:
        rows = self._transaction.rows("origins", self._clinic_id)
        for key, origin in rows.items():
            if key[0] == kind and origin == record_id:
                self._transaction.write("origins", self._clinic_id, key, None)


class MemoryUsers(_Repository):
    """See `ports.Users`."""

    def add(self, user: User) -> None:
        if user.clinic_id != self._clinic_id:
            raise ClinicNotFoundError(user.clinic_id)
        _put_user(self._transaction, user, self._there("doctors", user.doctor_id))

    def save(self, user: User) -> None:
        if user.clinic_id != self._clinic_id:
            raise ClinicNotFoundError(user.clinic_id)
        self._transaction.hold([("accounts", self._clinic_id)])
        follows = _follows(user)
        is_there = self._there("doctors", user.doctor_id)

        def check(stored: Any) -> None:
            follows(stored)
            is_there(stored)
            if stored.clinic_id != self._clinic_id:
                raise ContentionError(StaleVersionError(user.id))

        _put_user(self._transaction, user, check)

    def of_doctor(self, doctor_id: DoctorId) -> tuple[User, ...]:
        users = self._transaction.rows("users", None).values()
        theirs = (
            user
            for user in users
            if user.clinic_id == self._clinic_id and user.doctor_id == doctor_id
        )
        return tuple(sorted(theirs, key=lambda user: user.id))

    def hold_owners(self) -> tuple[User, ...]:
        self._transaction.hold([("accounts", self._clinic_id)])
        users = self._transaction.rows("users", None).values()
        owners = (
            user
            for user in users
            if user.clinic_id == self._clinic_id
            and user.role is Role.OWNER
            and user.status is UserStatus.ACTIVE
        )
        return tuple(sorted(owners, key=lambda user: user.id))

    def end_session(self, session_id: SessionId) -> None:
        self._end_those(lambda session: session.id == session_id)

    def end_sessions(self, user_id: UserId, but: SessionId | None = None) -> None:
        self._end_those(
            lambda session: session.user_id == user_id and session.id != but
        )

    def _end_those(self, ends: Callable[[Session], bool]) -> None:
        for session in self._transaction.rows("sessions", None).values():
            is_ours = session.clinic_id == self._clinic_id
            if is_ours and session.ended_at is None and ends(session):
                ended = evolve(session, ended_at=self._transaction.now)
                self._transaction.write("sessions", None, (session.id,), ended)

    def get(self, user_id: UserId) -> User:
        user: User | None = self._transaction.find("users", None, (user_id,))
        if user is None or user.clinic_id != self._clinic_id:
            raise UserNotFoundError(user_id)
        return user

    def page(self, request: ports.PageRequest) -> ports.Page[User]:
        users = self._transaction.rows("users", None).values()
        return _page_of((u for u in users if u.clinic_id == self._clinic_id), request)


class MemoryEvents(_Repository):
    """See `ports.Events`."""

    def of(self, record_id: UUID) -> tuple[Event, ...]:
        chain = self._transaction.find("chains", self._clinic_id, (record_id,))
        happened = (event for _, event in self._transaction._happened)
        now = (event for event in happened if event.record_id == record_id)
        return (*(link.event for link in chain or ()), *now)

    def newest(self, limit: int) -> tuple[Event, ...]:
        return tuple(islice(reversed([*self._all("events")]), limit))

    def links(self, after: tuple[UUID, int] | None, limit: int) -> tuple[Link, ...]:
        chains = self._transaction.rows("chains", self._clinic_id)
        links = (
            link
            for _, chain in sorted(chains.items())
            for link in chain
            if after is None or (link.event.record_id, link.position) > after
        )
        return tuple(islice(links, limit))


def _put_user(
    transaction: _Transaction, user: User, check: Callable[[Any], None] = _anything
) -> None:
    before: User | None = transaction.find("users", None, (user.id,))
    if before is not None:
        transaction.write("emails", None, (before.email.casefold(),), None)
        transaction.write("google_ids", None, (before.google_id,), None)
    transaction.write("users", None, (user.id,), user, check)
    email, google_id = (user.email.casefold(),), (user.google_id,)
    transaction.write("emails", None, email, user.id, _unless(EmailTakenError))
    if user.google_id is not None:
        taken = _unless(GoogleTakenError)
        transaction.write("google_ids", None, google_id, user.id, taken)


def _unless(taken: type[RefusedError]) -> Callable[[Any], None]:
    def check(stored: object) -> None:
        if stored is not None:
            raise taken

    return check


class MemoryUnitOfWork:
    """See `ports.UnitOfWork`."""

    def __init__(
        self,
        store: MemoryStore,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: ports.Once | None,
        request_id: str | None,
    ) -> None:
        self._clinic_id = clinic_id
        self._request_id = request_id
        self._by = by
        self._once = once
        self._transaction = _Transaction(store)
        self._answer: object = None
        self.doctors = MemoryDoctors(self._transaction, clinic_id)
        self.patients = MemoryPatients(self._transaction, clinic_id)
        self.appointments = MemoryAppointments(self._transaction, clinic_id)
        self.belongings = MemoryBelongings(self._transaction, clinic_id)
        self.diaries = MemoryDiaries(self._transaction, clinic_id)
        self.origins = MemoryOrigins(self._transaction, clinic_id)
        self.users = MemoryUsers(self._transaction, clinic_id)
        self.waitlist = MemoryWaitlist(self._transaction, clinic_id)
        self.events = MemoryEvents(self._transaction, clinic_id)

    @property
    def now(self) -> datetime:
        return self._transaction.now

    def __enter__(self) -> Self:
        self._transaction._begin()
        self._answer = None
        clinic = self._transaction.find("clinics", None, (self._clinic_id,))
        if clinic is None:
            raise ClinicNotFoundError(self._clinic_id)
        self.clinic: Clinic = clinic
        self.actor: Actor = (
            self._by if isinstance(self._by, Actor) else self._signed_in(self._by)
        )
        self._look_up_answer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transaction._writes = []
        self._transaction._end()
        if isinstance(error, RefusedError):
            # The twin of this request may have been carried out meanwhile.
            self._look_up_answer()

    def _signed_in(self, session_id: SessionId) -> Actor:
        session: Session | None = self._transaction.find(
            "sessions", None, (session_id,)
        )
        if (
            session is None
            or session.clinic_id != self._clinic_id
            or not session.counts(self.now)
        ):
            raise NotSignedInError
        user: User = self._transaction.find("users", None, (session.user_id,))
        if user.status is not UserStatus.ACTIVE:
            raise NotSignedInError
        return actor_of(user, session.id)

    def _look_up_answer(self) -> None:
        if self._once is not None:
            kept = self._transaction.find("answers", self._clinic_id, self._key())
            if kept is not None and kept.at > self.now - ports.KEYS_KEPT:
                if kept.fingerprint != self._once.fingerprint:
                    raise KeyReusedError
                raise AlreadyAnsweredError(kept.answer)

    def _key(self) -> _Key:
        assert self._once is not None
        return (self.actor.user_id or self.actor.name, self._once.key)

    def change_clinic(self, clinic: Clinic) -> None:
        if clinic.id != self._clinic_id:
            raise ClinicNotFoundError(clinic.id)
        key = (clinic.id,)
        self._transaction.write("clinics", None, key, clinic, _follows(clinic))
        self.clinic = clinic

    def record(
        self,
        kind: str,
        record: ports.Recordable,
        facts: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        event = self.actor.did(
            kind,
            record.id,
            self.now,
            facts=facts,
            reason=reason,
            request_id=self._request_id,
        )
        self._transaction.happened(self._clinic_id, event)
        if self._answer is None and self._once is not None:
            self._answer = self._once.render(record)

    def commit(self) -> None:
        if self._once is not None:
            self._transaction.write(
                "answers",
                self._clinic_id,
                self._key(),
                _Answer(self._once.fingerprint, self._answer, self.now),
                self._is_first,
            )
        self._transaction.commit()

    def _is_first(self, stored: _Answer | None) -> None:
        if stored is not None and stored.at > self.now - ports.KEYS_KEPT:
            raise ContentionError(StoreBusyError())


@frozen
class _Answer:
    fingerprint: str
    answer: object
    at: datetime


class MemoryEntrance:
    """See `ports.Entrance`."""

    def __init__(self, store: MemoryStore, request_id: str | None) -> None:
        self._transaction = _Transaction(store)
        self._request_id = request_id

    @property
    def now(self) -> datetime:
        return self._transaction.now

    def __enter__(self) -> Self:
        self._transaction._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transaction._end()

    def clinics(self) -> tuple[Clinic, ...]:
        clinics = self._transaction.rows("clinics", None).values()
        return tuple(sorted(clinics, key=lambda clinic: (clinic.name, clinic.id)))

    def get_clinic(self, clinic_id: ClinicId) -> Clinic:
        clinic: Clinic | None = self._transaction.find("clinics", None, (clinic_id,))
        if clinic is None:
            raise ClinicNotFoundError(clinic_id)
        return clinic

    def add_clinic(self, clinic: Clinic) -> None:
        self._transaction.write("clinics", None, (clinic.id,), clinic)

    def add_user(self, user: User) -> None:
        _put_user(self._transaction, user)

    def get_user(self, user_id: UserId) -> User:
        user: User | None = self._transaction.find("users", None, (user_id,))
        if user is None:
            raise UserNotFoundError(user_id)
        return user

    def save_user(self, user: User) -> None:
        _put_user(self._transaction, user, _follows(user))

    def find_user(self, email: str) -> User | None:
        return self._user("emails", email.casefold())

    def _user(self, index: str, name: str) -> User | None:
        user_id = self._transaction.find(index, None, (name,))
        user: User | None = self._transaction.find("users", None, (user_id,))
        return user

    def hold_user(self, email: str) -> User | None:
        found = self.find_user(email)
        if found is not None:
            self._transaction.hold([("accounts", found.clinic_id)])
        return self.find_user(email)

    def hold_google_user(self, google_id: str) -> User | None:
        found = self._user("google_ids", google_id)
        if found is not None:
            self._transaction.hold([("accounts", found.clinic_id)])
        return self._user("google_ids", google_id)

    def add_session(self, session: Session) -> None:
        self._transaction.write("sessions", None, (session.id,), session)

    def hold_session(self, session_id: SessionId) -> Session | None:
        self._transaction.hold([session_id])
        session: Session | None = self._transaction.find(
            "sessions", None, (session_id,)
        )
        return session

    def save_session(self, session: Session) -> None:
        self._transaction.write("sessions", None, (session.id,), session)

    def hold_tries(self, subjects: Collection[str]) -> Mapping[str, Tries]:
        self._transaction.hold(sorted(subjects))
        found = {s: self._transaction.find("tries", None, (s,)) for s in subjects}
        return {s: t or Tries(subject=s, last_at=self.now) for s, t in found.items()}

    def save_tries(self, tried: Tries) -> None:
        self._transaction.write("tries", None, (tried.subject,), tried)

    def forget_tries(self, before: datetime) -> None:
        for key, tried in self._transaction.rows("tries", None).items():
            if tried.last_at < before:
                self._transaction.write("tries", None, key, None)

    def record(
        self,
        clinic_id: ClinicId,
        kind: str,
        record: ports.Recordable,
        facts: Mapping[str, object] | None = None,
        by: UserId | None = None,
    ) -> None:
        event = at_the_entrance(by).did(
            kind, record.id, self.now, facts=facts, request_id=self._request_id
        )
        self._transaction.happened(clinic_id, event)

    def commit(self) -> None:
        self._transaction.commit()
