"""The waitlist in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from typing import Any

from clinicflow_core import ports
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId, WaitlistId
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
from clinicflow_core.memory.appointments import MemoryAppointments
from clinicflow_core.memory.repository import Repository, follows, page_of
from clinicflow_core.memory.transaction import nothing


class MemoryWaitlist(Repository):
    """See `ports.Waitlist`."""

    def add(self, entry: WaitlistEntry) -> None:
        self._put("waitlist", entry, nothing, *self._people_of(entry))

    def get(self, waitlist_id: WaitlistId) -> WaitlistEntry:
        found: WaitlistEntry = self._get(
            "waitlist", waitlist_id, WaitlistEntryNotFoundError
        )
        return found

    def save(self, entry: WaitlistEntry) -> None:
        self._put("waitlist", entry, follows(entry), *self._people_of(entry))

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
        return page_of(found, request)

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
        self._put("holds", visit, nothing, *desk._can_stand(visit))
        rows = self._transaction.kept.committed["offers", self._clinic_id]

        def is_only_one(stored: Any) -> None:
            nothing(stored)
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
