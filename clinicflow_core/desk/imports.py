"""
Imports: records of another system come in, each of them once.

A file is imported in batches, one transaction each: what stops the import leaves
whole batches, and importing the same file again adds what is missing. A row that
does not fit is refused alone, and everything that was read is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from enum import Enum
from functools import partial
from itertools import count
from typing import Any, BinaryIO, Generic, TypeVar
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.doctors import AddDoctor, new_doctor
from clinicflow_core.desk.offers import let_lapsed_go
from clinicflow_core.desk.placing import FIRST_YEAR, LAST_YEAR, place_facts
from clinicflow_core.desk.register import RegisterPatient, new_patient
from clinicflow_core.desk.retrying import retried
from clinicflow_core.duplicates import (
    PossibleDuplicate,
    match_keys,
    possible_duplicates,
)
from clinicflow_core.entities.appointment import Appointment, Status, fields_of
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import (
    BookingConflictError,
    DoctorNotFoundError,
    InvalidError,
    Problem,
)
from clinicflow_core.interchange import columns, fhir
from clinicflow_core.interchange.entries import Entry
from clinicflow_core.interchange.lines import Form, entries
from clinicflow_core.interchange.reasons import Fault, Reason, UnfitError, unfit
from clinicflow_core.interchange.records import PastVisit, Person, WallClock
from clinicflow_core.ports import Recordable, UnitOfWork
from clinicflow_core.scheduling.conflicts import OVERLAP_RULES, find_conflicts
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.timespan import (
    TimeSpan,
    VisitTime,
    minutes_of,
    visit_time,
    wall_clock,
)
from clinicflow_core.wire import structure

BATCH_ROWS = 200
BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends with the row that reaches one of these."""

ONE_LOOK = timedelta(days=30)
"""Visits of one batch that start within it are judged by one look into the diary."""

MOST_TOLD = 1_000
"""How many possible duplicates a report tells; it counts them all."""

T = TypeVar("T")


@frozen(kw_only=True)
class Resemblance:
    """
    A patient who was imported and may be somebody who was there already.

    Attributes:
        line: Where the row starts in the file, from 1.
        key: With which the patient was imported.
        resembles_id: Of all who are alike, the one most alike; a row that came
            earlier in the file, too.
        likeness: From `POSSIBLE` to 1, in hundredths.
    """

    line: int
    key: str = field(repr=False)
    patient_id: UUID
    resembles_id: UUID
    likeness: float


@frozen(kw_only=True)
class Report:
    """
    What became of the rows of a file.

    Attributes:
        read: All of them: *stored*, *already_there* and *refused* together.
        already_there: Imported before, from this file or another.
        reasons: How many were refused for each `Reason`.
        resembling: How many patients of those stored may be somebody else there.
        possible_duplicates: The first of these, in the order of the file.
    """

    read: int
    stored: int
    already_there: int
    refused: int
    reasons: Mapping[str, int]
    resembling: int = 0
    possible_duplicates: tuple[Resemblance, ...] = ()


@frozen(kw_only=True)
class Refusal:
    """
    A row that was not imported.

    Attributes:
        line: Where it starts in the file, from 1.
        detail: One sentence that names the place, never what stands there.
        text: The row as it stands in the file, to be mended.
        header: What must stand once above such rows so that they can be imported.
    """

    line: int
    reason: Reason
    detail: str
    text: bytes = field(repr=False)
    header: bytes = field(default=b"", repr=False)


def writing_to(file: BinaryIO) -> Callable[[Refusal], None]:
    """Return what writes refused rows to *file*, to be mended and imported again."""
    rows = count()

    def write(refusal: Refusal) -> None:
        if next(rows) == 0 and refusal.header:
            file.write(refusal.header + b"\n")
        file.write(refusal.text + b"\n")

    return write


def import_doctors(
    stream: BinaryIO,
    form: Form,
    uow: UnitOfWork,
    *,
    refused: Callable[[Refusal], None],
    progress: Callable[[int], None],
) -> Report:
    """
    Take doctors into the clinic, from CSV or from FHIR Practitioners.

    Args:
        refused: Is told each row that is not imported, in the order of the file.
        progress: Is told after each batch how many rows were read so far.

    Raises:
        InvalidError: If a CSV file has no proper header; nothing is stored then.
        UnavailableError: If the store gives up; all batches before are stored.
    """
    of_fhir = partial(fhir.practitioner, today=_today(uow))
    read = columns.person if form is Form.CSV else of_fhir
    understand = _registering(read, AddDoctor)
    rows = entries(stream, form, columns.DOCTORS)
    keep = partial(_keep, "doctor", _adding_doctors)
    return _import(rows, understand, keep, uow, refused, progress)


def import_patients(
    stream: BinaryIO,
    form: Form,
    uow: UnitOfWork,
    *,
    refused: Callable[[Refusal], None],
    progress: Callable[[int], None],
) -> Report:
    """
    Take patients into the register, from CSV or from FHIR Patients.

    Who may be the same person as somebody there is stored all the same, and reported.

    See `import_doctors` for *refused*, *progress* and what it raises.
    """
    of_fhir = partial(fhir.patient, today=_today(uow))
    read = columns.person if form is Form.CSV else of_fhir
    understand = _registering(read, RegisterPatient)
    rows = entries(stream, form, columns.PATIENTS)
    keep = partial(_keep, "patient", _adding_patients, compare=_most_alike)
    return _import(rows, understand, keep, uow, refused, progress)


def import_visits(
    stream: BinaryIO,
    form: Form,
    uow: UnitOfWork,
    *,
    refused: Callable[[Refusal], None],
    progress: Callable[[int], None],
) -> Report:
    """
    Take past visits into the diary as completed, from CSV or from FHIR Encounters.

    They are judged on overlap alone: of two that overlap the first one stands.
    Doctors and patients are found by the keys with which they were imported, or by
    their ids here. See `import_doctors` for *refused*, *progress* and what it raises.
    """
    _today(uow)
    read = columns.visit if form is Form.CSV else fhir.encounter

    def understand(data: Any) -> _Row[PastVisit]:
        visit = read(data)
        return _Row(visit.key, visit)

    rows = entries(stream, form, columns.VISITS)
    keep = partial(_keep, "appointment", _adding_visits)
    return _import(rows, understand, keep, uow, refused, progress)


@frozen
class _Row(Generic[T]):
    """A row that was understood, with what tells it from others of its kind."""

    key: str
    request: T


def _registering(
    read: Callable[[Any], Person], cls: type[T]
) -> Callable[[Any], _Row[T]]:
    def understand(data: Any) -> _Row[T]:
        person = read(data)
        return _Row(person.key, structure(person.facts, cls))

    return understand


class _Kept(Enum):
    STORED = "stored"
    ALREADY_THERE = "already there"


@frozen
class _Alike:
    """The row is stored, as a patient who may be another one."""

    patient_id: UUID
    other: PossibleDuplicate


_Outcome = _Kept | _Alike | Fault
_Keep = Callable[[Sequence[_Row[T]], UnitOfWork], list[_Outcome]]


def _today(uow: UnitOfWork) -> date:
    """Return the clinic's day, once it is clear that the actor may import at all."""
    with uow:
        uow.actor.must(Permission.IMPORT)
        return uow.clinic.today(uow.now)


def _import(
    rows: Iterable[Entry],
    understand: Callable[[Any], _Row[T]],
    keep: _Keep[T],
    uow: UnitOfWork,
    refused: Callable[[Refusal], None],
    progress: Callable[[int], None],
) -> Report:
    kept: Counter[_Kept] = Counter()
    reasons: Counter[Reason] = Counter()
    alike: list[Resemblance] = []
    resembling = 0
    for batch in _batches(rows):
        read = [_understood(entry, understand) for entry in batch]
        fit = [row for row in read if isinstance(row, _Row)]
        outcomes = iter(_kept_or_one_by_one(fit, keep, uow))
        for entry, row in zip(batch, read, strict=True):
            match row if isinstance(row, Fault) else next(outcomes):
                case Fault(reason, detail):
                    reasons[reason] += 1
                    refused(
                        Refusal(
                            line=entry.line,
                            reason=reason,
                            detail=detail,
                            text=entry.text,
                            header=entry.header,
                        )
                    )
                case _Alike(patient_id, other):
                    kept[_Kept.STORED] += 1
                    resembling += 1
                    if len(alike) < MOST_TOLD:
                        assert isinstance(row, _Row)
                        alike.append(
                            Resemblance(
                                line=entry.line,
                                key=row.key,
                                patient_id=patient_id,
                                resembles_id=other.patient_id,
                                likeness=other.likeness,
                            )
                        )
                case outcome:
                    kept[outcome] += 1
        progress(kept.total() + reasons.total())
    return Report(
        read=kept.total() + reasons.total(),
        stored=kept[_Kept.STORED],
        already_there=kept[_Kept.ALREADY_THERE],
        refused=reasons.total(),
        reasons={reason.value: n for reason, n in sorted(reasons.items())},
        resembling=resembling,
        possible_duplicates=tuple(alike),
    )


def _batches(rows: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.text)
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _understood(entry: Entry, understand: Callable[[Any], _Row[T]]) -> _Row[T] | Fault:
    if entry.fault is not None:
        return entry.fault
    try:
        return understand(entry.data)
    except (UnfitError, InvalidError) as error:
        return _fault_of(error)


def _fault_of(error: UnfitError | InvalidError) -> Fault:
    if isinstance(error, UnfitError):
        return error.fault
    return Fault(Reason.INVALID, f"{error}.")


def _kept_or_one_by_one(
    rows: Sequence[_Row[T]], keep: _Keep[T], uow: UnitOfWork
) -> list[_Outcome]:
    """Keep *rows* together, or each alone if the store itself refuses one of them."""
    if not rows:
        return []
    try:
        return keep(rows, uow)
    except BookingConflictError as error:
        if len(rows) == 1:
            return [Fault(Reason.OVERLAP, str(error))]
    return [
        outcome for row in rows for outcome in _kept_or_one_by_one([row], keep, uow)
    ]


@retried
def _keep(
    kind: str,
    prepare: Callable[[Sequence[T], UnitOfWork], Callable[[T], Recordable]],
    rows: Sequence[_Row[T]],
    uow: UnitOfWork,
    compare: Callable[[Sequence[Any], UnitOfWork], Mapping[UUID, PossibleDuplicate]]
    | None = None,
) -> list[_Outcome]:
    """
    Keep a batch in one transaction; say what became of each row.

    Args:
        prepare: Is given what is new and returns what stores one of it.
        compare: Is given what was stored, to say which may be somebody else.
    """
    outcomes: list[_Outcome] = []
    stored: dict[int, Any] = {}
    with uow:
        uow.actor.must(Permission.IMPORT)
        known = set(uow.origins.known(kind, {row.key for row in rows}))
        add = prepare([row.request for row in rows if row.key not in known], uow)
        for row in rows:
            if row.key in known:
                outcomes.append(_Kept.ALREADY_THERE)
                continue
            try:
                record = add(row.request)
            except (UnfitError, InvalidError) as error:
                outcomes.append(_fault_of(error))
                continue
            known.add(row.key)
            uow.origins.add(kind, row.key, record.id)
            stored[len(outcomes)] = record
            outcomes.append(_Kept.STORED)
        alike = compare(list(stored.values()), uow) if compare else {}
        for place, record in stored.items():
            if other := alike.get(record.id):
                outcomes[place] = _Alike(record.id, other)
        uow.commit()
    return outcomes


def _adding_doctors(
    _: Sequence[AddDoctor], uow: UnitOfWork
) -> Callable[[AddDoctor], Doctor]:
    def add(request: AddDoctor) -> Doctor:
        doctor = new_doctor(request, uow)
        uow.doctors.add(doctor)
        uow.record("doctor.imported", doctor)
        return doctor

    return add


def _adding_patients(
    _: Sequence[RegisterPatient], uow: UnitOfWork
) -> Callable[[RegisterPatient], Patient]:
    def add(request: RegisterPatient) -> Patient:
        patient = new_patient(request, uow)
        uow.patients.add(patient)
        uow.record("patient.imported", patient)
        return patient

    return add


def _most_alike(
    patients: Sequence[Patient], uow: UnitOfWork
) -> Mapping[UUID, PossibleDuplicate]:
    """Return who of those before them *patients* are most like, looked up together."""
    sharing = uow.patients.sharing([match_keys(patient) for patient in patients])
    place = {patient.id: number for number, patient in enumerate(patients)}
    found: dict[UUID, PossibleDuplicate] = {}
    for number, (patient, others) in enumerate(zip(patients, sharing, strict=True)):
        before = (other for other in others if place.get(other.id, -1) < number)
        if possible := possible_duplicates(patient, before):
            found[patient.id] = possible[0]
    return found


def _adding_visits(
    wanted: Sequence[PastVisit], uow: UnitOfWork
) -> Callable[[PastVisit], Appointment]:
    """Take hold of everybody concerned, read their diaries, and only then judge."""
    drafts = _drafts(wanted, uow)
    diaries = _held_diaries(
        [draft for draft in drafts.values() if isinstance(draft, Appointment)], uow
    )
    placed: list[BusyTime] = []

    def add(request: PastVisit) -> Appointment:
        visit = drafts[request]
        if isinstance(visit, Fault):
            raise UnfitError(visit)
        diary = diaries[visit.id]
        busy = (*diary.busy, *_around(visit.span, placed))
        if conflicts := find_conflicts(visit, evolve(diary, busy=busy), OVERLAP_RULES):
            detail = " ".join(conflict.message for conflict in conflicts)
            raise unfit(Reason.OVERLAP, detail)
        let_lapsed_go(diary, visit.span, uow)
        uow.appointments.add(visit)
        facts = {**place_facts(visit), "patient_id": str(visit.patient_id)}
        uow.record("appointment.imported", visit, facts=facts)
        placed.append(BusyTime(visit.id, visit.doctor_id, visit.patient_id, visit.span))
        return visit

    return add


def _drafts(
    wanted: Iterable[PastVisit], uow: UnitOfWork
) -> dict[PastVisit, Appointment | Fault]:
    wanted = list(dict.fromkeys(wanted))
    doctors = _found("doctor", {visit.doctor for visit in wanted}, _doctors, uow)
    patients = _found("patient", {visit.patient for visit in wanted}, _patients, uow)
    drafts: dict[PastVisit, Appointment | Fault] = {}
    for visit in wanted:
        try:
            drafts[visit] = _draft(
                visit, doctors.get(visit.doctor), patients.get(visit.patient), uow
            )
        except (UnfitError, InvalidError) as error:
            drafts[visit] = _fault_of(error)
    return drafts


def _draft(
    visit: PastVisit,
    doctor_id: UUID | None,
    patient_id: UUID | None,
    uow: UnitOfWork,
) -> Appointment:
    if doctor_id is None:
        detail = "The doctor is not in this clinic; import doctors first."
        raise unfit(Reason.UNKNOWN_PRACTITIONER, detail)
    if patient_id is None:
        detail = "The patient is not in this clinic; import patients first."
        raise unfit(Reason.UNKNOWN_PATIENT, detail)
    time = _time_of(visit.when, uow.clinic)
    if time.span.end > uow.now:
        detail = "The visit is not over; book it instead."
        raise unfit(Reason.IN_THE_FUTURE, detail)
    return Appointment(
        id=AppointmentId(uuid4()),
        doctor_id=DoctorId(doctor_id),
        patient_id=PatientId(patient_id),
        **fields_of(time),
        status=Status.COMPLETED,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _time_of(when: TimeSpan | WallClock, clinic: Clinic) -> VisitTime:
    """Return the time with what the clinic's clocks show, to the second."""
    day = when.date if isinstance(when, WallClock) else when.start.date()
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        detail = f"the visit must be in the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidError((Problem("", detail),))
    if isinstance(when, TimeSpan):
        start, end = (wall_clock(at, clinic.zone) for at in (when.start, when.end))
        minutes = minutes_of(when)
        return VisitTime(start.date(), start.time(), end.time(), minutes, when)
    time = visit_time(when.date, when.start_time, when.duration, clinic.zone)
    if time is None:
        detail = f"/start_time: There is no such time that day in {clinic.timezone}."
        raise unfit(Reason.NO_SUCH_LOCAL_TIME, detail)
    return time


def _found(
    kind: str,
    references: Collection[str],
    existing: Callable[[Collection[UUID], UnitOfWork], Collection[UUID]],
    uow: UnitOfWork,
) -> dict[str, UUID]:
    """Return whom *references* mean: keys of imported records, or ids here."""
    imported = uow.origins.known(kind, references)
    meant = {r: imported.get(r) or _as_id(r) for r in references}
    there = existing({i for i in meant.values() if i is not None}, uow)
    return {r: i for r, i in meant.items() if i is not None and i in there}


def _as_id(reference: str) -> UUID | None:
    try:
        return UUID(reference)
    except ValueError:
        return None


def _patients(ids: Collection[UUID], uow: UnitOfWork) -> Collection[UUID]:
    found = uow.patients.named([PatientId(i) for i in ids]).values()
    return {patient.id for patient in found if patient.erased_at is None}


def _doctors(ids: Collection[UUID], uow: UnitOfWork) -> Collection[UUID]:
    there: set[UUID] = set()
    for doctor_id in ids:
        with suppress(DoctorNotFoundError):
            there.add(uow.doctors.get(DoctorId(doctor_id)).id)
    return there


def _held_diaries(
    visits: Sequence[Appointment], uow: UnitOfWork
) -> dict[AppointmentId, Diary]:
    """Return the diary around each of *visits*, with all their people held."""
    diaries: dict[AppointmentId, Diary] = {}
    if visits:
        uow.diaries.hold(*_people(visits), visits[0].span)
    for neighbours in _together(visits):
        start = neighbours[0].starts_at
        window = TimeSpan(start, max(visit.ends_at for visit in neighbours))
        diary = uow.diaries.read(*_people(neighbours), window)
        for visit in neighbours:
            # Only this much is kept of what may be a busy month.
            busy = tuple(_around(visit.span, diary.busy))
            diaries[visit.id] = evolve(diary, busy=busy)
    return diaries


def _people(
    visits: Iterable[Appointment],
) -> tuple[Collection[DoctorId], Collection[PatientId]]:
    pairs = [(visit.doctor_id, visit.patient_id) for visit in visits]
    return {doctor for doctor, _ in pairs}, {patient for _, patient in pairs}


def _together(visits: Iterable[Appointment]) -> Iterator[list[Appointment]]:
    """Yield *visits* by start, in groups that one look into the diary is for."""
    group: list[Appointment] = []
    for visit in sorted(visits, key=lambda visit: visit.starts_at):
        if group and visit.starts_at - group[0].starts_at > ONE_LOOK:
            yield group
            group = []
        group.append(visit)
    if group:
        yield group


def _around(span: TimeSpan, busy: Iterable[BusyTime]) -> Iterator[BusyTime]:
    return (taken for taken in busy if taken.span.overlaps(span))
