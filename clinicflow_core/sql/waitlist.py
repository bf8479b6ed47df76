"""The waitlist as rows, and the times that are held for those who are on it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Integer,
    bindparam,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)

from clinicflow_core.entities.appointment import Appointment, VisitCategory, VisitType
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import (
    AppointmentId,
    ClinicId,
    DoctorId,
    PatientId,
    WaitlistId,
)
from clinicflow_core.entities.waitlist import (
    Offer,
    Outcome,
    WaitlistEntry,
    WaitlistStatus,
)
from clinicflow_core.errors import (
    ContentionError,
    OfferNotOpenError,
    StoreBusyError,
    WaitlistEntryNotFoundError,
)
from clinicflow_core.ports import Page, PageRequest
from clinicflow_core.sql.appointments import add_row, row_of_appointment
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import appointments, waitlist, waitlist_offers
from clinicflow_core.sql.types import among
from clinicflow_core.sql.versions import replace, update_of

_entries, _offers = waitlist.c, waitlist_offers.c
_of_clinic = _entries.clinic_id == bindparam("clinic_id")
_offers_of_clinic = _offers.clinic_id == bindparam("clinic_id")
# Two Booleans sort alike on no two databases.
_less_urgent = case((_entries.urgent, 0), else_=1)
_RANKING = (_less_urgent, _entries.created_at, _entries.id)

_ADD = Fixed(insert(waitlist), all_columns(waitlist))
_SAVE = update_of(waitlist)
_GET = Fixed(select(waitlist).where(_of_clinic, _entries.id == bindparam("id")))
_WAITING = Fixed(
    select(waitlist)
    .where(
        _of_clinic,
        _entries.status == WaitlistStatus.WAITING.value,
        _entries.first_date <= bindparam("last"),
        _entries.last_date >= bindparam("first"),
        or_(_entries.doctor_id.is_(None), _entries.doctor_id == bindparam("doctor_id")),
    )
    .order_by(*_RANKING)
    .limit(bindparam("limit", type_=Integer()))
)
_OF_PATIENT = Fixed(
    select(waitlist)
    .where(_of_clinic, _entries.patient_id == bindparam("patient_id"))
    .order_by(*_RANKING)
)
_OF_DOCTOR = Fixed(
    select(waitlist)
    .where(_of_clinic, _entries.doctor_id == bindparam("doctor_id"))
    .order_by(*_RANKING)
)
_REMOVE = Fixed(delete(waitlist).where(_of_clinic, _entries.id == bindparam("id")))
_REMOVE_OFFERS = Fixed(
    delete(waitlist_offers).where(
        _offers_of_clinic, _offers.waitlist_id == bindparam("id")
    )
)
_ADD_OFFER = Fixed(insert(waitlist_offers), all_columns(waitlist_offers))
_OFFERS_OF = Fixed(
    select(waitlist_offers)
    .where(_offers_of_clinic, among(_offers.waitlist_id, "ids"))
    .order_by(_offers.created_at, _offers.id)
)
_OPEN_WITH = Fixed(
    select(waitlist_offers)
    .where(
        _offers_of_clinic,
        _offers.doctor_id == bindparam("doctor_id"),
        _offers.outcome == Outcome.OPEN.value,
    )
    .order_by(_offers.created_at, _offers.id)
)
_GET_OFFER = Fixed(
    select(waitlist_offers).where(_offers_of_clinic, _offers.id == bindparam("id"))
)
_LAPSED = Fixed(
    select(waitlist_offers)
    .where(
        _offers_of_clinic,
        _offers.outcome == Outcome.OPEN.value,
        _offers.expires_at <= bindparam("now"),
    )
    .order_by(_offers.expires_at, _offers.id)
    .limit(bindparam("limit", type_=Integer()))
)
_END_OFFER = Fixed(
    update(waitlist_offers).where(
        _offers.clinic_id == bindparam("of_clinic_id"),
        _offers.id == bindparam("of_id"),
        _offers.outcome == Outcome.OPEN.value,
    ),
    ("outcome",),
)
_RELEASE = Fixed(
    delete(appointments).where(
        appointments.c.clinic_id == bindparam("clinic_id"),
        appointments.c.id == bindparam("id"),
        appointments.c.offered_until.is_not(None),
    )
)
_TAKE = Fixed(
    update(appointments).where(
        appointments.c.clinic_id == bindparam("of_clinic_id"),
        appointments.c.id == bindparam("of_id"),
        appointments.c.offered_until.is_not(None),
    ),
    all_columns(appointments, "id", "clinic_id"),
)


def entry_of(row: Row) -> WaitlistEntry:
    visit_type, category = row["visit_type"], row["visit_category"]
    return WaitlistEntry(
        id=row["id"],
        patient_id=row["patient_id"],
        doctor_id=row["doctor_id"],
        duration=row["duration"],
        visit_type=None if visit_type is None else VisitType(visit_type),
        visit_category=None if category is None else VisitCategory(category),
        first_date=row["first_date"],
        last_date=row["last_date"],
        weekdays=frozenset(map(Weekday, row["weekdays"])),
        earliest=row["earliest"],
        latest=row["latest"],
        urgent=row["urgent"],
        note=row["note"],
        status=WaitlistStatus(row["status"]),
        appointment_id=row["appointment_id"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _row_of(entry: WaitlistEntry, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": entry.id,
        "clinic_id": clinic_id,
        "patient_id": entry.patient_id,
        "doctor_id": entry.doctor_id,
        "duration": entry.duration,
        "visit_type": entry.visit_type and entry.visit_type.value,
        "visit_category": entry.visit_category and entry.visit_category.value,
        "first_date": entry.first_date,
        "last_date": entry.last_date,
        "weekdays": sorted(day.value for day in entry.weekdays),
        "earliest": entry.earliest,
        "latest": entry.latest,
        "urgent": entry.urgent,
        "note": entry.note,
        "status": entry.status.value,
        "appointment_id": entry.appointment_id,
        "version": entry.version,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def _offer_of(row: Row) -> Offer:
    return Offer(
        id=row["id"],
        waitlist_id=row["waitlist_id"],
        doctor_id=row["doctor_id"],
        date=row["date"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        duration=row["duration"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        expires_at=row["expires_at"],
        outcome=Outcome(row["outcome"]),
        created_at=row["created_at"],
    )


def _row_of_offer(offer: Offer, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": offer.id,
        "clinic_id": clinic_id,
        "waitlist_id": offer.waitlist_id,
        "doctor_id": offer.doctor_id,
        "date": offer.date,
        "start_time": offer.start_time,
        "end_time": offer.end_time,
        "duration": offer.duration,
        "starts_at": offer.starts_at,
        "ends_at": offer.ends_at,
        "expires_at": offer.expires_at,
        "outcome": offer.outcome.value,
        "created_at": offer.created_at,
    }


class SqlWaitlist:
    """See `ports.Waitlist`. A held time is a row of `appointments` with its end."""

    def __init__(self, trip: Trip, clinic_id: ClinicId, now: datetime) -> None:
        self._trip = trip
        self._clinic_id = clinic_id
        self._now = now

    def add(self, entry: WaitlistEntry) -> None:
        self._trip.later(_ADD, _row_of(entry, self._clinic_id))

    def get(self, waitlist_id: WaitlistId) -> WaitlistEntry:
        [rows] = self._trip.now((_GET, self._key(waitlist_id)))
        if not rows:
            raise WaitlistEntryNotFoundError(waitlist_id)
        return entry_of(rows[0])

    def save(self, entry: WaitlistEntry) -> None:
        replace(self._trip, _SAVE, _row_of(entry, self._clinic_id))

    def page(
        self, status: WaitlistStatus | None, request: PageRequest
    ) -> Page[WaitlistEntry]:
        query = select(waitlist).where(_entries.clinic_id == self._clinic_id)
        if status is not None:
            query = query.where(_entries.status == status.value)
        after = request.after and (
            int(request.after[0]),
            datetime.fromisoformat(request.after[1]),
            UUID(request.after[2]),
        )
        return page_of(self._trip, query, list(_RANKING), after, request, entry_of)

    def waiting(
        self, doctor_id: DoctorId, first: date, last: date, limit: int
    ) -> tuple[WaitlistEntry, ...]:
        asked = {
            "clinic_id": self._clinic_id,
            "doctor_id": doctor_id,
            "first": first,
            "last": last,
            "limit": limit,
        }
        [rows] = self._trip.now((_WAITING, asked))
        return tuple(map(entry_of, rows))

    def of_patient(self, patient_id: PatientId) -> tuple[WaitlistEntry, ...]:
        asked = {"clinic_id": self._clinic_id, "patient_id": patient_id}
        [rows] = self._trip.now((_OF_PATIENT, asked))
        return tuple(map(entry_of, rows))

    def of_doctor(self, doctor_id: DoctorId) -> tuple[WaitlistEntry, ...]:
        asked = {"clinic_id": self._clinic_id, "doctor_id": doctor_id}
        [rows] = self._trip.now((_OF_DOCTOR, asked))
        return tuple(map(entry_of, rows))

    def remove(self, waitlist_id: WaitlistId) -> None:
        self._trip.later(_REMOVE_OFFERS, self._key(waitlist_id))
        self._trip.later(_REMOVE, self._key(waitlist_id))

    def add_offer(self, offer: Offer, visit: Appointment) -> None:
        row = row_of_appointment(visit, self._clinic_id, offer.expires_at)
        add_row(self._trip, row)
        self._trip.later(_ADD_OFFER, _row_of_offer(offer, self._clinic_id))

    def offers_of(self, waitlist_ids: Collection[WaitlistId]) -> tuple[Offer, ...]:
        asked = {"clinic_id": self._clinic_id, "ids": waitlist_ids}
        [rows] = self._trip.now((_OFFERS_OF, asked))
        return tuple(map(_offer_of, rows))

    def open_offers_with(self, doctor_id: DoctorId) -> tuple[Offer, ...]:
        asked = {"clinic_id": self._clinic_id, "doctor_id": doctor_id}
        [rows] = self._trip.now((_OPEN_WITH, asked))
        return tuple(map(_offer_of, rows))

    def get_offer(self, offer_id: AppointmentId) -> Offer:
        [rows] = self._trip.now((_GET_OFFER, self._key(offer_id)))
        if not rows:
            raise ContentionError(StoreBusyError())
        return _offer_of(rows[0])

    def lapsed(self, limit: int) -> tuple[Offer, ...]:
        asked = {"clinic_id": self._clinic_id, "now": self._now, "limit": limit}
        [rows] = self._trip.now((_LAPSED, asked))
        return tuple(map(_offer_of, rows))

    def let_go(self, offer_id: AppointmentId) -> None:
        self._trip.later(_RELEASE, self._key(offer_id))

    def end_offer(self, offer: Offer) -> None:
        self._end(offer)
        self.let_go(offer.id)

    def accept_offer(self, offer: Offer, visit: Appointment) -> None:
        self._end(offer)
        row = row_of_appointment(visit, self._clinic_id)
        of = {"of_clinic_id": self._clinic_id, "of_id": visit.id}
        self._trip.later(_TAKE, {**row, **of}, _found_one(offer.waitlist_id))

    def _end(self, offer: Offer) -> None:
        ended = {
            "of_clinic_id": self._clinic_id,
            "of_id": offer.id,
            "outcome": offer.outcome.value,
        }
        self._trip.later(_END_OFFER, ended, _found_one(offer.waitlist_id))

    def _key(self, record_id: UUID) -> dict[str, Any]:
        return {"clinic_id": self._clinic_id, "id": record_id}


def _found_one(waitlist_id: WaitlistId) -> Callable[[int], None]:
    def check(count: int) -> None:
        if count != 1:
            raise ContentionError(OfferNotOpenError(waitlist_id))

    return check
