"""
Retiming: what was promised by the wall clock, after the clocks' rules changed.

A new version of the time zone database, or another zone for the clinic, means other
instants for visits to come. Each keeps its day, its start and its minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.lists import every
from clinicflow_core.desk.offers import end_offer
from clinicflow_core.desk.placing import place_facts
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.appointment import TO_COME, Appointment, Override
from clinicflow_core.entities.ids import AppointmentId, DoctorId
from clinicflow_core.entities.waitlist import (
    Offer,
    Outcome,
    WaitlistEntry,
    WaitlistStatus,
)
from clinicflow_core.ports import AppointmentFilter, UnitOfWork
from clinicflow_core.scheduling.conflicts import (
    Conflict,
    ConflictKind,
    no_such_local_time,
    visit_in_the_way,
)
from clinicflow_core.timespan import (
    TimeSpan,
    VisitTime,
    first_instant_from,
    instant_of,
    local_day,
    wall_clock,
)
from clinicflow_core.wire import LocalDateTime

REASON = "The clocks' rules changed."
"""Why a visit shares its time with one that it did not meet before."""

_DAY = timedelta(days=1)
_BUSY = (ConflictKind.DOCTOR_BUSY, ConflictKind.PATIENT_BUSY)
_LIFTED = Override(reason=REASON, conflicts=tuple(kind.value for kind in _BUSY))


@frozen(kw_only=True)
class RetimedVisit:
    """
    A visit that keeps its wall clock and gets other instants.

    Attributes:
        local: Its day and start, by the clinic's wall clock.
        was_at: Its start before, and *is_at* from then on.
        conflicts: What stands against it now and did not before: it shares its time
            from then on, or its start is never shown, and somebody must move it.
    """

    appointment_id: AppointmentId
    doctor_id: DoctorId
    local: LocalDateTime
    was_at: datetime
    is_at: datetime
    conflicts: tuple[Conflict, ...] = ()


@frozen(kw_only=True)
class Retiming:
    """
    What a change of the clocks' rules means.

    Attributes:
        visits: Those that get other instants, by their old ones.
        offers: How many open offers to the waitlist are withdrawn.
        applied: Whether it was done; otherwise it would be.
    """

    timezone: str
    visits: tuple[RetimedVisit, ...]
    offers: int
    applied: bool


@retried
def retime(uow: UnitOfWork, *, apply: bool = False) -> Retiming:
    """
    Give visits to come the instants that their wall clocks mean by now.

    Nobody books meanwhile. A visit that newly overlaps an older one goes on sharing
    its time, by an override that is kept on it; it is for somebody to move.

    Args:
        apply: Whether to do it, and not only to say what would be done.
    """
    with uow:
        uow.actor.must(Permission.KEEP_CLINIC)
        zone = uow.clinic.zone
        today = local_day(uow.clinic.today(uow.now), zone)
        doctors = [doctor.id for doctor in every(uow.doctors.page)]
        uow.diaries.hold(doctors, [], today)
        steps = _steps(_visits(uow), zone, uow.now)
        open_offers = list(_open_offers(uow))
        offers = [
            offer
            for offer, entry in open_offers
            if offer.counts(uow.now)
            and (_moves(offer, zone) or any(s.meets(offer, entry) for s in steps))
        ]
        if apply:
            for offer, _ in open_offers:
                if not offer.counts(uow.now):
                    uow.waitlist.let_go(offer.id)
            for offer in offers:
                end_offer(offer, Outcome.WITHDRAWN, uow)
            _write(steps, uow)
            uow.commit()
    return Retiming(
        timezone=uow.clinic.timezone,
        visits=tuple(step.told for step in steps),
        offers=len(offers),
        applied=apply,
    )


@frozen
class _Step:
    """A visit that moves: to when, and what it newly meets there."""

    visit: Appointment
    time: VisitTime
    conflicts: tuple[Conflict, ...]

    @property
    def told(self) -> RetimedVisit:
        local = datetime.combine(self.visit.date, self.visit.start_time)
        return RetimedVisit(
            appointment_id=self.visit.id,
            doctor_id=self.visit.doctor_id,
            local=LocalDateTime(local),
            was_at=self.visit.starts_at,
            is_at=self.time.span.start,
            conflicts=self.conflicts,
        )

    def meets(self, offer: Offer, entry: WaitlistEntry) -> bool:
        """Return whether the visit will need time that is held for *entry*."""
        visit = self.visit
        return self.time.span.overlaps(TimeSpan(offer.starts_at, offer.ends_at)) and (
            (visit.holds_doctor and visit.doctor_id == offer.doctor_id)
            or (visit.holds_patient and visit.patient_id == entry.patient_id)
        )

    @property
    def override(self) -> Override | None:
        """The override of the visit from then on."""
        before = self.visit.override
        met = [c.kind.value for c in self.conflicts if c.kind in _BUSY]
        if not met:
            return before
        if before is None:
            return Override(reason=REASON, conflicts=tuple(dict.fromkeys(met)))
        kinds = tuple(dict.fromkeys((*before.conflicts, *met)))
        return Override(reason=before.reason, conflicts=kinds, by_id=before.by_id)


def _steps(visits: Sequence[Appointment], zone: ZoneInfo, now: datetime) -> list[_Step]:
    """Return what happens to *visits*, by their old starts."""
    times = {visit.id: _time_of(visit, zone, now) for visit in visits}
    # Whoever stays keeps their time, then whoever booked first.
    order = sorted(
        visits,
        key=lambda v: (times[v.id].span != v.span, v.created_at, v.id),
    )
    taken: defaultdict[tuple[ConflictKind, UUID], list[TimeSpan]] = defaultdict(list)
    steps = []
    for visit in order:
        time = times[visit.id]
        met: list[Conflict] = []
        for kind, person, holds in (
            (ConflictKind.DOCTOR_BUSY, visit.doctor_id, visit.holds_doctor),
            (ConflictKind.PATIENT_BUSY, visit.patient_id, visit.holds_patient),
        ):
            if holds:
                spans = taken[kind, person]
                clash = [span for span in spans if span.overlaps(time.span)]
                met += (visit_in_the_way(kind, span, zone) for span in clash)
                if not clash:
                    spans.append(time.span)
        local = datetime.combine(visit.date, visit.start_time)
        if instant_of(local, zone) is None:
            met.append(no_such_local_time(local, zone.key))
        if time != visit.time:
            steps.append(_Step(visit, time, tuple(met)))
    return sorted(steps, key=lambda step: step.visit.sort_key)


def _write(steps: Sequence[_Step], uow: UnitOfWork) -> None:
    # One after another they would meet those that are still to move: first all let
    # go of their time, then each takes it again.
    lifted = [
        (step, step.visit.retimed(step.visit.time, _LIFTED, uow.now)) for step in steps
    ]
    for _, visit in lifted:
        uow.appointments.save(visit)
    for step, visit in lifted:
        after = visit.retimed(step.time, step.override, uow.now)
        uow.appointments.save(after)
        facts = {**place_facts(after), "from": place_facts(step.visit)}
        uow.record("appointment.retimed", after, facts=facts)


def _time_of(visit: Appointment, zone: ZoneInfo, now: datetime) -> VisitTime:
    """
    Return when *visit* is by the rules of *zone*; its wall clock stays.

    It is when it was if it has begun by the old clocks, unless by the new ones it is
    still to come.
    """
    local = datetime.combine(visit.date, visit.start_time)
    start = _start_of(local, visit.starts_at, zone)
    is_expected = visit.status in TO_COME and not visit.arrived
    if visit.starts_at <= now and not (is_expected and start > now):
        return visit.time
    end = start + (visit.ends_at - visit.starts_at)
    return VisitTime(
        date=visit.date,
        start_time=visit.start_time,
        end_time=wall_clock(end, zone).time(),
        duration=visit.duration,
        span=TimeSpan(start, end),
    )


def _start_of(local: datetime, before: datetime, zone: ZoneInfo) -> datetime:
    if wall_clock(before, zone) == local:
        return before  # Be it the second pass of a repeated hour.
    return first_instant_from(local, zone)


def _moves(offer: Offer, zone: ZoneInfo) -> bool:
    local = datetime.combine(offer.date, offer.start_time)
    return _start_of(local, offer.starts_at, zone) != offer.starts_at


def _visits(uow: UnitOfWork) -> list[Appointment]:
    """Return the visits that may move, and those that they may meet."""
    # Clocks of two zones lie up to 26 hours apart, and a visit lasts up to a day.
    first = uow.clinic.today(uow.now) - 4 * _DAY
    which = AppointmentFilter(first=first)
    return list(every(lambda part: uow.appointments.page(which, part)))


def _open_offers(uow: UnitOfWork) -> Iterator[tuple[Offer, WaitlistEntry]]:
    offered = WaitlistStatus.OFFERED
    for entry in every(lambda part: uow.waitlist.page(offered, part)):
        offers = uow.waitlist.offers_of([entry.id])
        yield from ((o, entry) for o in offers if o.outcome is Outcome.OPEN)
