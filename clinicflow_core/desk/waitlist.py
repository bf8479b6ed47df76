"""The waitlist: who takes a time that comes free, and what is offered to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from uuid import uuid4

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import text, whole
from clinicflow_core.desk.offers import (
    NOBODY,
    People,
    doctors_of,
    end_offer,
    held,
    offer_facts,
    offer_time,
    open_offer,
    visit_of,
    who_waits,
)
from clinicflow_core.desk.placing import bookable_day, place_facts
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
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
from clinicflow_core.errors import (
    BookingConflictError,
    ContentionError,
    InvalidError,
    OfferNotOpenError,
    Problem,
    StaleVersionError,
)
from clinicflow_core.ports import Page, PageRequest, UnitOfWork
from clinicflow_core.scheduling.conflicts import ATTENDANCE_RULES, find_conflicts
from clinicflow_core.timespan import TimeSpan, local_day

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
        if problems := tuple(self._problems()):
            raise InvalidError(problems)

    def _problems(self) -> Iterator[Problem]:
        if self.last_date < self.first_date:
            yield Problem("/last_date", "must not be before the first day")
        if self.earliest and self.latest and self.latest <= self.earliest:
            yield Problem("/latest", "must be after the earliest time")


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
        InvalidError: If the last day that suits is over.
        NotFoundError: If doctor or patient is not in this clinic.
        PatientErasedError: If the patient was erased.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        if request.last_date < uow.clinic.today(uow.now):
            raise InvalidError((Problem("/last_date", "must not be over"),))
        # Nobody frees time of these doctors meanwhile, or erases the patient.
        doctor_ids = doctors_of(request.doctor_id, uow)
        wished = [request.doctor_id] if request.doctor_id else ()
        asked = People(wished, [request.patient_id])
        diary = held(asked, People(doctor_ids), _today(uow), uow)
        diary.patients[request.patient_id].refuse_erased()
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


def of_patient(patient_id: PatientId, uow: UnitOfWork) -> tuple[Waiting, ...]:
    """Return where a patient waits now, best ranked first."""
    with uow:
        uow.actor.must(Permission.BOOK)
        entries = [e for e in uow.waitlist.of_patient(patient_id) if e.is_open]
        offers = _offers_now(entries, uow)
        return tuple(Waiting(entry=e, offer=offers.get(e.id)) for e in entries)


@retried
def accept(
    waitlist_id: WaitlistId,
    uow: UnitOfWork,
    version: int | None = None,
) -> Appointment:
    """
    Book what is offered: the time that was held becomes a confirmed visit.

    Args:
        version: The one that is meant; None for any.

    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
        StaleVersionError: If it has another *version*.
        OfferNotOpenError: If nothing is offered to it, or no longer.
        BookingConflictError: If the doctor is not there any more.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry, offer = _offered(waitlist_id, uow)
        require_version(entry, version)
        _hold([offer], People([offer.doctor_id], [entry.patient_id]), uow)
        visit = evolve(visit_of(offer, entry, uow.now), status=Status.CONFIRMED)
        diary = uow.diaries.read([offer.doctor_id], [], visit.span)
        if conflicts := find_conflicts(visit, diary, ATTENDANCE_RULES):
            final = (evolve(conflict, overridable=False) for conflict in conflicts)
            raise BookingConflictError(tuple(final))
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
def decline(
    waitlist_id: WaitlistId,
    uow: UnitOfWork,
    version: int | None = None,
) -> Waiting:
    """
    Give back what is offered; the entry waits on, and the next one gets the time.

    Args:
        version: The one that is meant; None for any.

    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
        StaleVersionError: If it has another *version*.
        OfferNotOpenError: If nothing is offered to it, or no longer.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry, offer = _offered(waitlist_id, uow)
        require_version(entry, version)
        entry = _pass_on(offer, entry, Outcome.DECLINED, uow)
        uow.commit()
    return Waiting(entry=entry)


@retried
def withdraw(
    waitlist_id: WaitlistId,
    uow: UnitOfWork,
    version: int | None = None,
) -> None:
    """
    Take an entry off the waitlist; what is offered to it goes to the next one.

    Args:
        version: The one that is meant; None for any.

    Raises:
        WaitlistEntryNotFoundError: If there is no such entry.
        StaleVersionError: If it has another *version*.
        WaitlistClosedError: If it was booked or withdrawn before.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        entry = uow.waitlist.get(waitlist_id)
        require_version(entry, version)
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
    with uow:
        uow.actor.must(Permission.BOOK)
        lapsed = uow.waitlist.lapsed(MOST_AT_ONCE)
    return _expire(lapsed, uow) if lapsed else 0


@retried
def _expire(lapsed: Sequence[Offer], uow: UnitOfWork) -> int:
    with uow:
        offers = [o for o in lapsed if open_offer(o.waitlist_id, uow) == o]
        entries = [uow.waitlist.get(offer.waitlist_id) for offer in offers]
        wished = {entry.doctor_id for entry in entries}
        doctor_ids = {i for wish in wished for i in doctors_of(wish, uow)}
        patient_ids = {entry.patient_id for entry in entries}
        _hold_with_next(offers, People(doctor_ids, patient_ids), uow)
        for offer in offers:
            end_offer(offer, Outcome.EXPIRED, uow)
        _offer_again(offers, uow)
        uow.commit()
    return len(offers)


@frozen
class Leaving:
    """Entries of a patient who goes, and what is offered to them; see `leaving`."""

    entries: tuple[WaitlistEntry, ...]
    offers: tuple[Offer, ...]


def leaving(patient_id: PatientId, uow: UnitOfWork) -> Leaving:
    """
    Hold a patient who is about to go, and whoever could take what is offered to them.

    Raises:
        PatientNotFoundError: If there is no such patient.
        ContentionError: If the patient began to wait meanwhile.
    """
    uow.patients.get(patient_id)
    entries = uow.waitlist.of_patient(patient_id)
    found = (open_offer(entry.id, uow) for entry in entries)
    offers = tuple(offer for offer in found if offer is not None)
    _hold_with_next(offers, People((), [patient_id]), uow)
    if uow.waitlist.of_patient(patient_id) != entries:
        raise ContentionError(StaleVersionError(patient_id))
    return Leaving(entries, offers)


def forget(them: Leaving, uow: UnitOfWork) -> None:
    """Remove the entries; what is offered to them goes to the next ones."""
    for offer in them.offers:
        end_offer(offer, Outcome.WITHDRAWN, uow)
    remove(them.entries, uow)
    _offer_again(them.offers, uow)


def remove(entries: Iterable[WaitlistEntry], uow: UnitOfWork) -> None:
    """Remove entries, to which nothing may be offered now."""
    for entry in entries:
        uow.waitlist.remove(entry.id)
        uow.record("waitlist.removed", entry)


def _offered(waitlist_id: WaitlistId, uow: UnitOfWork) -> tuple[WaitlistEntry, Offer]:
    entry = uow.waitlist.get(waitlist_id)
    offer = open_offer(waitlist_id, uow)
    if offer is None or not offer.counts(uow.now):
        raise OfferNotOpenError(waitlist_id)
    return entry, offer


def _pass_on(
    offer: Offer, entry: WaitlistEntry, outcome: Outcome, uow: UnitOfWork
) -> WaitlistEntry:
    """End an offer, and offer its time to the next one who waits for it."""
    doctor_ids = doctors_of(entry.doctor_id, uow)
    _hold_with_next([offer], People(doctor_ids, [entry.patient_id]), uow)
    after = end_offer(offer, outcome, uow)
    _offer_again([offer], uow)
    return after


def _hold_with_next(offers: Sequence[Offer], people: People, uow: UnitOfWork) -> None:
    """
    Hold *people*, and whoever the time of *offers* may be offered to next.

    Whoever had one waits again. The doctors they wait for must be among *people*, so
    that none of them frees time unseen.
    """
    times = _times_of(offers)
    doctor_ids = {*times, *people.doctor_ids}
    waiting = [
        entry
        for doctor_id, spans in times.items()
        for entry in who_waits(doctor_id, spans, uow, doctor_ids)
    ]
    patient_ids = {*people.patient_ids, *(entry.patient_id for entry in waiting)}
    _hold(offers, People(doctor_ids, patient_ids), uow)


def _hold(offers: Iterable[Offer], people: People, uow: UnitOfWork) -> None:
    """
    Hold *people*, and look whether *offers* are still as they were.

    Raises:
        ContentionError: If somebody answered one meanwhile.
    """
    held(NOBODY, people, _today(uow), uow)
    for offer in offers:
        if open_offer(offer.waitlist_id, uow) != offer:
            raise ContentionError(OfferNotOpenError(offer.waitlist_id))


def _offer_again(offers: Sequence[Offer], uow: UnitOfWork) -> None:
    """Offer the time of offers that ended to the next ones who wait for it."""
    had = {offer.waitlist_id for offer in offers}
    again: dict[DoctorId, list[WaitlistEntry]] = {}
    for doctor_id, spans in _times_of(offers).items():
        waiting = who_waits(doctor_id, spans, uow)
        others = [entry for entry in waiting if entry.id not in had]
        again[doctor_id] = [entry for entry in waiting if entry.id in had]
        offer_time(doctor_id, spans, others, uow)
    # Whoever let one offer go can have what is left of another.
    for offer in offers:
        others = [e for e in again[offer.doctor_id] if e.id != offer.waitlist_id]
        span = TimeSpan(offer.starts_at, offer.ends_at)
        offer_time(offer.doctor_id, [span], others, uow)


def _times_of(offers: Iterable[Offer]) -> dict[DoctorId, list[TimeSpan]]:
    """Return the time that *offers* hold, by doctor."""
    times: dict[DoctorId, list[TimeSpan]] = {}
    for offer in offers:
        span = TimeSpan(offer.starts_at, offer.ends_at)
        times.setdefault(offer.doctor_id, []).append(span)
    return times


def _today(uow: UnitOfWork) -> TimeSpan:
    return local_day(uow.clinic.today(uow.now), uow.clinic.zone)


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
