"""Offers: how a time that comes free is held for whoever waits for it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from uuid import uuid4
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.desk.lists import every
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import (
    AppointmentId,
    DoctorId,
    PatientId,
    WaitlistId,
)
from clinicflow_core.entities.policy import MAX_BUFFER
from clinicflow_core.entities.waitlist import Offer, Outcome, WaitlistEntry
from clinicflow_core.errors import ContentionError, NotFoundError
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.diary import Diary, days_of
from clinicflow_core.scheduling.hours import merged
from clinicflow_core.scheduling.openings import Opening, Search, find_openings
from clinicflow_core.scheduling.waiting import may_suit
from clinicflow_core.timespan import TimeSpan

MOST_ASKED = 1000
"""How many entries are looked at for a time that comes free."""

MOST_HELD = 50
"""How many of them can get an offer at once."""

_DAY = timedelta(days=1)
_ENDED = {
    Outcome.DECLINED: "waitlist.declined",
    Outcome.EXPIRED: "waitlist.offer-expired",
    Outcome.WITHDRAWN: "waitlist.offer-withdrawn",
}


@frozen
class People:
    """Doctors and patients."""

    doctor_ids: Collection[DoctorId] = ()
    patient_ids: Collection[PatientId] = ()


NOBODY = People()


def held(asked: People, also: People, window: TimeSpan, uow: UnitOfWork) -> Diary:
    """
    Return the diary of people who are held from then on, and *also* others.

    Raises:
        NotFoundError: If one of those *asked* for is not in this clinic.
        ContentionError: If it is one of *also*, who was there a moment ago.
    """
    try:
        return uow.diaries.hold(
            {*asked.doctor_ids, *also.doctor_ids},
            {*asked.patient_ids, *also.patient_ids},
            window,
        )
    except NotFoundError as gone:
        if gone.record_id in (*asked.doctor_ids, *asked.patient_ids):
            raise
        raise ContentionError(gone) from None


def doctors_of(doctor_id: DoctorId | None, uow: UnitOfWork) -> Collection[DoctorId]:
    """Return whose time an entry waits for: one doctor's, or for None everybody's."""
    if doctor_id is not None:
        return [doctor_id]
    return [doctor.id for doctor in every(uow.doctors.page)]


def who_waits(
    doctor_id: DoctorId,
    freed: Sequence[TimeSpan],
    uow: UnitOfWork,
    also: Collection[DoctorId] = (),
) -> tuple[WaitlistEntry, ...]:
    """
    Return who could take time that is about to come free, best ranked first.

    The doctor is held from then on, so that nobody begins to wait unseen. The
    patients must be held too before the time comes free.

    Args:
        also: All the other doctors that the act holds: it takes them all at once.
    """
    freed = [span for span in freed if span.end > uow.now]
    if not freed:
        return ()
    held(NOBODY, People([doctor_id, *also]), freed[0], uow)
    zone = uow.clinic.zone
    found = uow.waitlist.waiting(doctor_id, *_days_near(freed, zone), MOST_ASKED)
    suited = (entry for entry in found if may_suit(entry, freed, zone))
    return tuple(islice(suited, MOST_HELD))


def offer_time(
    doctor_id: DoctorId,
    freed: Sequence[TimeSpan],
    waiting: Sequence[WaitlistEntry],
    uow: UnitOfWork,
) -> tuple[Offer, ...]:
    """
    Offer time that came free to those who wait for it, and hold it for them.

    Each gets the opening that suits them and takes most of it, the first of those, in
    the order of their ranking; nobody the same one twice.

    Args:
        waiting: As `who_waits` found them; their patients and the doctor are held.
    """
    freed = list(merged(span for span in freed if span.end > uow.now))
    if not waiting or not freed:
        return ()
    diary = _diary_of(doctor_id, freed, waiting, uow)
    beside = timedelta(minutes=diary.policy_of(doctor_id).gap)
    within = list(merged(span.widened(beside) for span in freed))
    offers = uow.waitlist.offers_of([entry.id for entry in waiting])
    refused = {(each.waitlist_id, each.doctor_id, each.starts_at) for each in offers}
    # The same act may have offered them time of another doctor.
    provided = {each.waitlist_id for each in offers if each.outcome is Outcome.OPEN}
    made = []
    for entry in waiting:
        if entry.id in provided:
            continue
        openings = (
            opening
            for opening in _openings_for(entry, doctor_id, freed, diary)
            if (entry.id, doctor_id, opening.starts_at) not in refused
            and _is_in(opening, within)
            and opening.starts_at > uow.now  # It would lapse as it is made.
        )
        if opening := _most_of(freed, openings):
            offer, visit = _offer_of(opening, entry, diary)
            let_lapsed_go(diary, visit.span, uow)
            uow.waitlist.add_offer(offer, visit)
            uow.waitlist.save(entry.offered(uow.now))
            uow.record("waitlist.offered", entry, facts=offer_facts(offer))
            diary = diary.with_visits([visit])
            made.append(offer)
    return tuple(made)


def end_offer(offer: Offer, outcome: Outcome, uow: UnitOfWork) -> WaitlistEntry:
    """
    Let go of the time of an open offer, and return the entry, which waits again.

    The doctor and the patient must be held.
    """
    uow.waitlist.end_offer(offer.ended(outcome))
    entry = uow.waitlist.get(offer.waitlist_id).waiting_again(uow.now)
    uow.waitlist.save(entry)
    uow.record(_ENDED[outcome], entry, facts=offer_facts(offer))
    return entry


def let_lapsed_go(diary: Diary, span: TimeSpan, uow: UnitOfWork) -> None:
    """
    Let go of what was offered in *span* and not accepted in time.

    The offers stay open: to end them, and to pass on what is left of their time, is
    for the sweep.
    """
    for lapsed in diary.lapsed:
        if lapsed.span.overlaps(span):
            uow.waitlist.let_go(lapsed.appointment_id)


def open_offer(waitlist_id: WaitlistId, uow: UnitOfWork) -> Offer | None:
    """Return what is offered to an entry, be it lapsed or not; None for nothing."""
    offers = uow.waitlist.offers_of([waitlist_id])
    return next((each for each in offers if each.outcome is Outcome.OPEN), None)


def offer_facts(offer: Offer) -> dict[str, object]:
    """Return what an event tells of an offer."""
    return {
        "offer_id": str(offer.id),
        "doctor_id": str(offer.doctor_id),
        "starts_at": offer.starts_at.isoformat(),
        "duration": offer.duration,
        "expires_at": offer.expires_at.isoformat(),
    }


def _diary_of(
    doctor_id: DoctorId,
    freed: Sequence[TimeSpan],
    waiting: Collection[WaitlistEntry],
    uow: UnitOfWork,
) -> Diary:
    # The days near it are searched whole, and visits may run into the day after.
    window = _hull(freed).widened(3 * _DAY)
    patients = {entry.patient_id for entry in waiting}
    return uow.diaries.read([doctor_id], patients, window)


def _openings_for(
    entry: WaitlistEntry, doctor_id: DoctorId, freed: Sequence[TimeSpan], diary: Diary
) -> Iterator[Opening]:
    if diary.patients[entry.patient_id].erased_at is not None:
        return
    first, last = _days_near(freed, diary.zone)
    search = Search(
        first=max(first, entry.first_date),
        last=min(last, entry.last_date),
        duration=entry.duration,
        visit_category=entry.visit_category,
        patient_id=entry.patient_id,
        weekdays=entry.weekdays,
        earliest=entry.earliest,
        latest=entry.latest,
    )
    if search.first <= search.last:
        yield from find_openings(diary, [doctor_id], search)


def _is_in(opening: Opening, spans: Sequence[TimeSpan]) -> bool:
    """Return whether an opening needs time in one of *spans*, which are merged."""
    place = bisect_left(spans, opening.ends_at, key=lambda span: span.start)
    return place > 0 and opening.starts_at < spans[place - 1].end


def _most_of(freed: Sequence[TimeSpan], openings: Iterable[Opening]) -> Opening | None:
    """Return the first of the openings that take most of *freed*, which is merged."""
    best, most = None, timedelta(-1)
    for opening in openings:
        whole = opening.ends_at - opening.starts_at
        place = bisect_right(freed, opening.starts_at, key=lambda span: span.end)
        taken = timedelta()
        for span in islice(freed, place, None):
            if span.start >= opening.ends_at:
                break
            taken += min(span.end, opening.ends_at) - max(span.start, opening.starts_at)
        if taken > most:
            best, most = opening, taken
        if taken == whole:
            break
    return best


def _offer_of(
    opening: Opening, entry: WaitlistEntry, diary: Diary
) -> tuple[Offer, Appointment]:
    held_for = timedelta(minutes=diary.policy.offer_minutes)
    offer = Offer(
        id=AppointmentId(uuid4()),
        waitlist_id=entry.id,
        doctor_id=opening.doctor_id,
        date=opening.date,
        start_time=opening.start_time,
        end_time=opening.end_time,
        duration=(opening.ends_at - opening.starts_at) // timedelta(minutes=1),
        starts_at=opening.starts_at,
        ends_at=opening.ends_at,
        expires_at=min(diary.now + held_for, opening.starts_at),
        created_at=diary.now,
    )
    return offer, visit_of(offer, entry, diary.now)


def visit_of(offer: Offer, entry: WaitlistEntry, now: datetime) -> Appointment:
    """Return the visit that *offer* holds the time of."""
    return Appointment(
        id=offer.id,
        doctor_id=offer.doctor_id,
        patient_id=entry.patient_id,
        date=offer.date,
        start_time=offer.start_time,
        end_time=offer.end_time,
        duration=offer.duration,
        starts_at=offer.starts_at,
        ends_at=offer.ends_at,
        visit_type=entry.visit_type,
        visit_category=entry.visit_category,
        created_at=now,
        updated_at=now,
    )


def _days_near(freed: Sequence[TimeSpan], zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last local day of visits that could need *freed*."""
    first, last = days_of(_hull(freed).widened(timedelta(minutes=MAX_BUFFER)), zone)
    return first - _DAY, last


def _hull(spans: Sequence[TimeSpan]) -> TimeSpan:
    return TimeSpan(min(s.start for s in spans), max(s.end for s in spans))
