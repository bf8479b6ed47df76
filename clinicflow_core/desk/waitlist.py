"""The waitlist: who takes a time that comes free, and what is offered to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from uuid import uuid4

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import text, whole
from clinicflow_core.desk.offers import (
    end_offer,
    offer_facts,
    offer_time,
    open_offer,
    visit_of,
    who_waits,
)
from clinicflow_core.desk.placing import bookable_day, place_facts
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.appointment import (
    MAX_DURATION,
    Appointment,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import DoctorId, PatientId, WaitlistId
from clinicflow_core.entities.waitlist import (
    Offer,
    Outcome,
    WaitlistEntry,
    WaitlistStatus,
)
from clinicflow_core.errors import ContentionError, OfferNotOpenError
from clinicflow_core.ports import Page, PageRequest, UnitOfWork
from clinicflow_core.timespan import TimeSpan

MOST_AT_ONCE = 100
"""How many lapsed offers one sweep ends."""


@frozen(kw_only=True)
class JoinWaitlist:
    """
    Somebody who takes a time that comes free.

    Attributes:
        doctor_id: With whom; anybody without.
        duration: In minutes; without it what the doctor's policy says of visits of
            this category, or 30.
        first_date: The first local day that suits, and *last_date* the last one.
        weekdays: Those that suit; all without.
        earliest: Only what starts then or later, by the clinic's wall clock.
        latest: Only what ends then or earlier.
        urgent: Whether it goes before those that are not.
    """

    patient_id: PatientId
    doctor_id: DoctorId | None = None
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    visit_type: VisitType | None = None
    visit_category: VisitCategory | None = None
    first_date: date = field(validator=bookable_day)
    last_date: date = field(validator=bookable_day)
    weekdays: frozenset[Weekday] = frozenset()
    earliest: time | None = None
    latest: time | None = None
    urgent: bool = False
    note: str | None = field(default=None, repr=False, validator=text(500))

    def __attrs_post_init__(self) -> None:
        if self.last_date < self.first_date:
            raise ValueError("last_date must not be before first_date")
        if self.earliest and self.latest and self.latest <= self.earliest:
            raise ValueError("latest must be after earliest")


@frozen(kw_only=True)
class Waiting:
    """
    An entry of the waitlist, with what is offered to it now.

    Attributes:
        offer: None if nothing is, or no longer.
    """

    entry: WaitlistEntry
    offer: Offer | None = None

    @property
    def id(self) -> WaitlistId:
        return self.entry.id

    @property
    def version(self) -> int:
        return self.entry.version


@retried
def join(request: JoinWaitlist, uow: UnitOfWork) -> Waiting:
    """
    Put a patient on the waitlist; time that comes free from then on is offered.

    Raises:
        NotFoundError: If doctor or patient is not in this clinic.
        PatientErasedError: If the patient was erased.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        uow.patients.get(request.patient_id).refuse_erased()
        if request.doctor_id is not None:
            uow.doctors.get(request.doctor_id)
        entry = WaitlistEntry(
            id=WaitlistId(uuid4()),
            patient_id=request.patient_id,
            doctor_id=request.doctor_id,
            duration=request.duration,
            visit_type=request.visit_type,
            visit_category=request.visit_category,
            first_date=request.first_date,
            last_date=request.last_date,
            weekdays=request.weekdays,
            earliest=request.earliest,
            latest=request.latest,
            urgent=request.urgent,
            note=request.note,
            created_at=uow.now,
            updated_at=uow.now,
        )
        joined = Waiting(entry=entry)
        uow.waitlist.add(entry)
        uow.record(
            "waitlist.joined",
            joined,
            facts={
                "patient_id": str(entry.patient_id),
                **({"doctor_id": str(entry.doctor_id)} if entry.doctor_id else {}),
            },
        )
        uow.commit()
    return joined


def page(
    status: WaitlistStatus | None, request: PageRequest, uow: UnitOfWork
) -> Page[Waiting]:
    """Return a part of the waitlist, best ranked first: all, or those in *status*."""
    with uow:
        uow.actor.must(Permission.BOOK)
        found = uow.waitlist.page(status, request)
        offers = _offers_now(found.items, uow)
        items = (Waiting(entry=e, offer=offers.get(e.id)) for e in found.items)
        return Page(tuple(items), found.next)


def get(waitlist_id: WaitlistId, uow: UnitOfWork) -> Waiting:
    """
    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry = uow.waitlist.get(waitlist_id)
        return Waiting(entry=entry, offer=_offers_now([entry], uow).get(entry.id))


@retried
def accept(waitlist_id: WaitlistId, uow: UnitOfWork) -> Appointment:
    """
    Book what is offered: the time that was held becomes a confirmed visit.

    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
        OfferNotOpenError: If nothing is offered to it, or no longer.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry, offer = _offered(waitlist_id, uow)
        if not offer.counts(uow.now):
            raise OfferNotOpenError(waitlist_id)
        _hold(offer, entry, (), uow)
        visit = evolve(visit_of(offer, entry, uow.now), status=Status.CONFIRMED)
        uow.waitlist.accept_offer(offer.ended(Outcome.ACCEPTED), visit)
        uow.waitlist.save(entry.booked(visit.id, uow.now))
        uow.record(
            "appointment.booked",
            visit,
            facts={
                **place_facts(visit),
                "patient_id": str(visit.patient_id),
                "waitlist_id": str(entry.id),
            },
        )
        uow.record("waitlist.accepted", entry, facts=offer_facts(offer))
        uow.commit()
    return visit


@retried
def decline(waitlist_id: WaitlistId, uow: UnitOfWork) -> Waiting:
    """
    Give back what is offered; the entry waits on, and the next one gets the time.

    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
        OfferNotOpenError: If nothing is offered to it, or no longer.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry, offer = _offered(waitlist_id, uow)
        if not offer.counts(uow.now):
            raise OfferNotOpenError(waitlist_id)
        entry = _pass_on(offer, entry, Outcome.DECLINED, uow)
        uow.commit()
    return Waiting(entry=entry)


@retried
def withdraw(waitlist_id: WaitlistId, uow: UnitOfWork) -> None:
    """
    Take an entry off the waitlist; what is offered to it goes to the next one.

    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
        WaitlistClosedError: If it was booked or withdrawn before.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry = uow.waitlist.get(waitlist_id)
        offer = open_offer(waitlist_id, uow)
        if offer is not None:
            entry = _pass_on(offer, entry, Outcome.WITHDRAWN, uow)
        entry = entry.withdrawn(uow.now)
        uow.waitlist.save(entry)
        uow.record("waitlist.withdrawn", entry)
        uow.commit()


def sweep(uow: UnitOfWork) -> int:
    """
    End the offers that nobody accepted in time, and pass their times on.

    It can run as often as anybody likes, and several at once. What has lapsed holds
    nothing in any case; this is for those who wait for it.

    Returns:
        How many it ended.
    """
    ended = 0
    with uow:
        uow.actor.must(Permission.BOOK)
        lapsed = uow.waitlist.lapsed(MOST_AT_ONCE)
    for offer in lapsed:
        ended += _expire(offer.waitlist_id, uow)
    return ended


@retried
def _expire(waitlist_id: WaitlistId, uow: UnitOfWork) -> bool:
    with uow:
        offer = open_offer(waitlist_id, uow)
        if offer is None or offer.counts(uow.now):
            return False
        entry = uow.waitlist.get(waitlist_id)
        _pass_on(offer, entry, Outcome.EXPIRED, uow)
        uow.commit()
    return True


def forget(entries: Iterable[WaitlistEntry], uow: UnitOfWork) -> None:
    """
    Remove entries whose patient or doctor goes; the rest is up to the act.

    A time that is held for one of them is let go of.
    """
    for entry in entries:
        offer = open_offer(entry.id, uow)
        if offer is not None:
            end_offer(offer, Outcome.WITHDRAWN, uow)
        uow.waitlist.remove(entry.id)
        uow.record("waitlist.removed", entry)


def _offered(waitlist_id: WaitlistId, uow: UnitOfWork) -> tuple[WaitlistEntry, Offer]:
    entry = uow.waitlist.get(waitlist_id)
    offer = open_offer(waitlist_id, uow)
    if offer is None:
        raise OfferNotOpenError(waitlist_id)
    return entry, offer


def _pass_on(
    offer: Offer, entry: WaitlistEntry, outcome: Outcome, uow: UnitOfWork
) -> WaitlistEntry:
    """End an offer, and offer its time to the next one who waits for it."""
    freed = [TimeSpan(offer.starts_at, offer.ends_at)]
    waiting = who_waits(offer.doctor_id, freed, uow)
    _hold(offer, entry, waiting, uow)
    after = end_offer(offer, outcome, uow)
    offer_time(offer.doctor_id, freed, waiting, uow)
    return after


def _hold(
    offer: Offer,
    entry: WaitlistEntry,
    waiting: Iterable[WaitlistEntry],
    uow: UnitOfWork,
) -> None:
    """
    Hold everybody concerned, and look whether the offer is still as it was.

    Raises:
        ContentionError: If somebody answered it meanwhile.
    """
    patients = [entry.patient_id, *(each.patient_id for each in waiting)]
    span = TimeSpan(offer.starts_at, offer.ends_at)
    uow.diaries.hold([offer.doctor_id], patients, span)
    if open_offer(entry.id, uow) != offer:
        raise ContentionError(OfferNotOpenError(entry.id))


def _offers_now(
    entries: Iterable[WaitlistEntry], uow: UnitOfWork
) -> dict[WaitlistId, Offer]:
    offered = [e.id for e in entries if e.status is WaitlistStatus.OFFERED]
    if not offered:
        return {}
    return {
        offer.waitlist_id: offer
        for offer in uow.waitlist.offers_of(offered)
        if offer.counts(uow.now)
    }
