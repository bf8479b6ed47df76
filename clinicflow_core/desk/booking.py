"""Booking: how a visit gets into a diary, moves, and leaves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import one_line, pattern, text, whole
from clinicflow_core.desk.offers import (
    NOBODY,
    People,
    held,
    offer_time,
    who_waits,
)
from clinicflow_core.desk.placing import (
    Wanted,
    alternatives,
    bookable_day,
    judge,
    place,
    place_facts,
)
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.appointment import (
    MAX_DURATION,
    Appointment,
    Cancellation,
    CancellationType,
    Override,
    VisitCategory,
    VisitType,
    fields_of,
)
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import (
    AppointmentId,
    CancellationId,
    DoctorId,
    PatientId,
    UserId,
)
from clinicflow_core.ports import AppointmentFilter, Page, PageRequest, UnitOfWork
from clinicflow_core.scheduling.conflicts import (
    OVERLAP_RULES,
    STANDARD_RULES,
    Conflict,
    Rule,
)
from clinicflow_core.scheduling.openings import Opening
from clinicflow_core.timespan import VisitTime, instant_of
from clinicflow_core.wire import UNSET, Unset, changes

_utc_offset = pattern(r"[+-][0-9]{2}:[0-5][0-9]", "must be an offset as -05:00")


@frozen(kw_only=True)
class OverrideRequest:
    """The wish to book against the rules."""

    reason: str = field(repr=False, validator=text(500))


@frozen(kw_only=True)
class BookAppointment:
    """
    A visit that somebody wants.

    Attributes:
        start_time: The clinic's wall clock.
        duration: In minutes; without it what the doctor's policy says of visits of
            this category, or 30.
        utc_offset: Picks one pass of a repeated hour, as "-05:00"; the first
            without it.
    """

    doctor_id: DoctorId
    patient_id: PatientId
    date: date = field(validator=bookable_day)
    start_time: time
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    utc_offset: str | None = field(default=None, validator=_utc_offset)
    visit_type: VisitType | None = None
    visit_category: VisitCategory | None = None
    meeting_link: str | None = field(default=None, repr=False, validator=one_line(500))
    override: OverrideRequest | None = None


@frozen(kw_only=True)
class RescheduleAppointment:
    """Another time for a visit; what is left out stays as it is."""

    date: date = field(validator=bookable_day)
    start_time: time
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    doctor_id: DoctorId | None = None
    utc_offset: str | None = field(default=None, validator=_utc_offset)
    override: OverrideRequest | None = None


@frozen(kw_only=True)
class ChangeAppointment:
    """Details of a visit that need no new time; what is left out stays as it is."""

    visit_type: VisitType | Unset | None = UNSET
    visit_category: VisitCategory | Unset | None = UNSET
    meeting_link: str | Unset | None = field(
        default=UNSET, repr=False, validator=one_line(500)
    )


@frozen(kw_only=True)
class CancelAppointment:
    """Why a visit will not take place."""

    cancellation_type: CancellationType
    reason_note: str | None = field(default=None, repr=False, validator=text(2000))


@frozen(kw_only=True)
class ReinstateAppointment:
    """The wish to let a cancelled or missed visit stand after all."""

    override: OverrideRequest | None = None


@frozen
class Verdict:
    """
    What `check` finds.

    Attributes:
        conflicts: All that stands against the visit; empty if it may be booked.
        alternatives: The nearest openings if there are conflicts, nearest first.
    """

    conflicts: tuple[Conflict, ...]
    alternatives: tuple[Opening, ...]


@retried
def book(
    request: BookAppointment, uow: UnitOfWork, rules: Sequence[Rule] = STANDARD_RULES
) -> Appointment:
    """
    Book a visit.

    Raises:
        BookingConflictError: If any rule forbids it and no override accepts that.
        NotFoundError: If doctor or patient is not in this clinic.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        wanted = _wanted(request, uow)
        visit = place(wanted, _given_reason(request), uow, rules)
        uow.appointments.add(visit)
        uow.record(
            "appointment.booked",
            visit,
            facts={**place_facts(visit), "patient_id": str(visit.patient_id)},
            reason=kept_reason(visit),
        )
        uow.commit()
    return visit


def check(
    request: BookAppointment, uow: UnitOfWork, rules: Sequence[Rule] = STANDARD_RULES
) -> Verdict:
    """
    Say what `book` would answer, and change nothing.

    Raises:
        NotFoundError: If doctor or patient is not in this clinic.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        wanted = _wanted(request, uow)
        diary = wanted.diary(uow, hold=False)
        conflicts = judge(wanted, diary, uow, rules)
        openings = alternatives(wanted, diary, uow, rules) if conflicts else ()
    return Verdict(conflicts, openings)


@retried
def reschedule(
    appointment_id: AppointmentId,
    request: RescheduleAppointment,
    uow: UnitOfWork,
    rules: Sequence[Rule] = STANDARD_RULES,
    version: int | None = None,
) -> Appointment:
    """
    Move a visit to another time or doctor; if that is refused it stays where it is.

    Args:
        version: The one that the move is meant for; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it is over, cancelled, or the patient arrived.
        BookingConflictError: If any rule forbids it and no override accepts that.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        before = uow.appointments.get(appointment_id)
        require_version(before, version)
        doctor_id = request.doctor_id or before.doctor_id
        local = datetime.combine(request.date, request.start_time)
        wanted = Wanted(
            appointment_id=before.id,
            doctor_id=doctor_id,
            patient_id=before.patient_id,
            local=local,
            duration=request.duration or before.duration,
            utc_offset=(
                _offset_kept(before, local, uow.clinic.zone)
                if request.utc_offset is None
                else offset_of(request.utc_offset)
            ),
            before=before,
            draft=lambda time, override=None, /: before.rescheduled(
                time, doctor_id, override, uow.now
            ),
        )
        reason = _given_reason(request)
        visit = move(
            before, doctor_id, uow, lambda also: place(wanted, reason, uow, rules, also)
        )
        uow.commit()
    return visit


@retried
def reinstate(
    appointment_id: AppointmentId,
    request: ReinstateAppointment,
    uow: UnitOfWork,
    version: int | None = None,
) -> Appointment:
    """
    Let a cancelled or missed visit stand again, if its time is still free.

    It was accepted before, so it is judged on overlap alone: a visit marked as
    missed can be reinstated when the patient turns up late.

    Args:
        version: The one that is meant; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it was neither cancelled nor missed.
        BookingConflictError: If its time was taken and no override accepts that.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        before = uow.appointments.get(appointment_id)
        require_version(before, version)
        visit = take_again(
            before,
            lambda override: before.reinstated(override, uow.now),
            _given_reason(request),
            uow,
        )
        uow.appointments.save(visit)
        uow.record(
            "appointment.reinstated",
            visit,
            facts=place_facts(visit),
            reason=kept_reason(visit),
        )
        uow.commit()
    return visit


@retried
def confirm(
    appointment_id: AppointmentId, uow: UnitOfWork, version: int | None = None
) -> Appointment:
    """
    Note that the visit is agreed on; doing so again changes nothing.

    Args:
        version: The one that is meant; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it is over or cancelled.
    """
    return _step(
        appointment_id,
        uow,
        Permission.BOOK,
        "appointment.confirmed",
        lambda visit: visit.confirmed(uow.now),
        version=version,
    )


@retried
def arrive(
    appointment_id: AppointmentId, uow: UnitOfWork, version: int | None = None
) -> Appointment:
    """
    Note that the patient is there; the first time counts.

    Args:
        version: The one that is meant; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it is over or cancelled.
    """
    return _step(
        appointment_id,
        uow,
        Permission.RECORD_VISITS,
        "appointment.arrived",
        lambda visit: visit.arrived_now(uow.now),
        version=version,
    )


@retried
def complete(
    appointment_id: AppointmentId, uow: UnitOfWork, version: int | None = None
) -> Appointment:
    """
    Note that the visit took place.

    Args:
        version: The one that is meant; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it is over or cancelled.
    """
    return _step(
        appointment_id,
        uow,
        Permission.RECORD_VISITS,
        "appointment.completed",
        lambda visit: visit.completed(uow.now),
        version=version,
    )


@retried
def change_details(
    appointment_id: AppointmentId,
    request: ChangeAppointment,
    uow: UnitOfWork,
    version: int | None = None,
) -> Appointment:
    """
    Change details that need no new time.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it was cancelled or missed.
    """
    return _step(
        appointment_id,
        uow,
        Permission.BOOK,
        "appointment.changed",
        lambda visit: visit.changed(changes(request), uow.now),
        facts={"fields": sorted(changes(request))},
        version=version,
    )


@retried
def cancel(
    appointment_id: AppointmentId,
    request: CancelAppointment,
    uow: UnitOfWork,
    version: int | None = None,
) -> tuple[Appointment, Cancellation]:
    """
    Take a visit out of the diary and keep why; its time is free again.

    The type "no-show" marks it as missed, as `no_show` does.

    Args:
        version: The one that is meant; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it is over or cancelled already.
    """
    missed = request.cancellation_type is CancellationType.NO_SHOW
    return _give_up(
        appointment_id,
        request,
        uow,
        Permission.RECORD_VISITS if missed else Permission.BOOK,
        "appointment.missed" if missed else "appointment.cancelled",
        lambda visit: visit.missed(uow.now) if missed else visit.cancelled(uow.now),
        version,
    )


def no_show(
    appointment_id: AppointmentId, uow: UnitOfWork, version: int | None = None
) -> tuple[Appointment, Cancellation]:
    """
    Note that the patient did not come; the time is free again.

    Args:
        version: The one that is meant; None for any.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        InvalidTransitionError: If it is over, cancelled, or the patient arrived.
    """
    request = CancelAppointment(cancellation_type=CancellationType.NO_SHOW)
    return cancel(appointment_id, request, uow, version)


def get(appointment_id: AppointmentId, uow: UnitOfWork) -> Appointment:
    """
    Raises:
        AppointmentNotFoundError: If there is no such visit.
    """
    with uow:
        return seen(appointment_id, uow)


def page(
    which: AppointmentFilter, request: PageRequest, uow: UnitOfWork
) -> Page[Appointment]:
    """Return a part of the visits, by start; a doctor sees their own alone."""
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        if own is not None:
            uow.actor.must_see_diary(which.doctor_id or own)
            which = evolve(which, doctor_id=own)
        return uow.appointments.page(which, request)


def history(appointment_id: AppointmentId, uow: UnitOfWork) -> tuple[Event, ...]:
    """
    Return all that happened to a visit, oldest first.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
    """
    with uow:
        return uow.events.of(seen(appointment_id, uow).id)


@frozen(kw_only=True)
class Move:
    """
    A step of a visit from one time or doctor to another.

    Attributes:
        moved_by_id: The account that did it; None for a program.
    """

    moved_at: datetime
    moved_by_id: UserId | None
    from_doctor_id: DoctorId
    from_starts_at: datetime
    from_duration: int
    to_doctor_id: DoctorId
    to_starts_at: datetime
    to_duration: int

    @property
    def is_one(self) -> bool:
        """Whether time or doctor changed, and not an override alone."""
        return (self.from_doctor_id, self.from_starts_at, self.from_duration) != (
            self.to_doctor_id,
            self.to_starts_at,
            self.to_duration,
        )


def moves(appointment_id: AppointmentId, uow: UnitOfWork) -> tuple[Move, ...]:
    """
    Return where a visit was moved from and to, oldest first.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
    """
    with uow:
        return moves_among(uow.events.of(seen(appointment_id, uow).id))


def moves_among(events: Iterable[Event]) -> tuple[Move, ...]:
    """Return the moves among the *events* of a visit, in their order."""
    told = (e for e in events if e.kind == "appointment.rescheduled")
    return tuple(move for move in map(_move_of, told) if move.is_one)


def _move_of(event: Event) -> Move:
    told: Any = event.facts
    before = told["from"]
    return Move(
        moved_at=event.at,
        moved_by_id=event.user_id,
        from_doctor_id=DoctorId(UUID(before["doctor_id"])),
        from_starts_at=datetime.fromisoformat(before["starts_at"]),
        from_duration=before["duration"],
        to_doctor_id=DoctorId(UUID(told["doctor_id"])),
        to_starts_at=datetime.fromisoformat(told["starts_at"]),
        to_duration=told["duration"],
    )


def seen(appointment_id: AppointmentId, uow: UnitOfWork) -> Appointment:
    """
    Return a visit in the block of another act.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        NotPermittedError: If it is in a diary that the actor may not see.
    """
    uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
    visit = uow.appointments.get(appointment_id)
    uow.actor.must_see_diary(visit.doctor_id)
    return visit


def move(
    before: Appointment,
    doctor_id: DoctorId,
    uow: UnitOfWork,
    placed: Callable[[People], Appointment],
    facts: Mapping[str, object] | None = None,
) -> Appointment:
    """
    Keep a visit at another place, and offer the time that comes free.

    Args:
        doctor_id: Whose time it takes there.
        placed: Returns the visit there, and holds with its people those it is given.
        facts: More for the trail.
    """
    freed = [before.span] if before.holds_doctor else []
    waiting = who_waits(before.doctor_id, freed, uow, [doctor_id])
    also = (
        People([before.doctor_id], [entry.patient_id for entry in waiting])
        if waiting
        else NOBODY
    )
    visit = placed(also)
    if visit is not before:
        uow.appointments.save(visit)
        places = {**place_facts(visit), "from": place_facts(before)}
        uow.record(
            "appointment.rescheduled",
            visit,
            facts={**places, **(facts or {})},
            reason=kept_reason(visit),
        )
        offer_time(before.doctor_id, freed, waiting, uow)
    return visit


def take_again(
    before: Appointment,
    stands: Callable[[Override | None], Appointment],
    override_reason: str | None,
    uow: UnitOfWork,
    kept: Override | None = None,
) -> Appointment:
    """
    Return a visit that was given up, as one that may take its time again now.

    It was accepted before, so it is judged on overlap alone.

    Args:
        stands: Makes the visit that stands again, with what is accepted against it.
        kept: See `placing.place`.

    Raises:
        BookingConflictError: If its time was taken and no override accepts that.
    """
    wanted = Wanted(
        appointment_id=before.id,
        doctor_id=before.doctor_id,
        patient_id=before.patient_id,
        local=datetime.combine(before.date, before.start_time),
        duration=before.duration,
        fixed=before.time,
        draft=lambda time, override=None, /: evolve(
            stands(override), **fields_of(time)
        ),
    )
    return place(wanted, override_reason, uow, OVERLAP_RULES, kept=kept)


def _wanted(request: BookAppointment, uow: UnitOfWork) -> Wanted:
    appointment_id = AppointmentId(uuid4())

    def draft(time: VisitTime, override: Override | None = None, /) -> Appointment:
        return Appointment(
            id=appointment_id,
            doctor_id=request.doctor_id,
            patient_id=request.patient_id,
            **fields_of(time),
            visit_type=request.visit_type,
            visit_category=request.visit_category,
            meeting_link=request.meeting_link,
            override=override,
            created_at=uow.now,
            updated_at=uow.now,
        )

    return Wanted(
        appointment_id=appointment_id,
        doctor_id=request.doctor_id,
        patient_id=request.patient_id,
        local=datetime.combine(request.date, request.start_time),
        duration=request.duration,
        category=request.visit_category,
        utc_offset=offset_of(request.utc_offset),
        draft=draft,
    )


def _step(
    appointment_id: AppointmentId,
    uow: UnitOfWork,
    permission: Permission,
    kind: str,
    step: Callable[[Appointment], Appointment],
    facts: Mapping[str, object] | None = None,
    version: int | None = None,
) -> Appointment:
    """Carry out a step that takes no new time; one that changes nothing is not kept."""
    with uow:
        uow.actor.must(permission)
        before = seen(appointment_id, uow)
        require_version(before, version)
        after = step(before)
        if after is not before:
            uow.appointments.save(after)
            uow.record(kind, after, facts=facts)
        uow.commit()
    return after


def _give_up(
    appointment_id: AppointmentId,
    request: CancelAppointment,
    uow: UnitOfWork,
    permission: Permission,
    kind: str,
    step: Callable[[Appointment], Appointment],
    version: int | None,
) -> tuple[Appointment, Cancellation]:
    with uow:
        uow.actor.must(permission)
        before = seen(appointment_id, uow)
        require_version(before, version)
        visit = step(before)
        freed = [before.span] if before.holds_doctor else []
        waiting = who_waits(before.doctor_id, freed, uow)
        if waiting:
            those = People([before.doctor_id], [entry.patient_id for entry in waiting])
            held(NOBODY, those, before.span, uow)
        cancellation = cancellation_of(visit, request, uow)
        uow.appointments.save(visit)
        uow.appointments.cancel(cancellation)
        uow.record(
            kind,
            visit,
            facts={
                "cancellation_type": request.cancellation_type.value,
                "late": cancellation.late,
            },
            reason=request.reason_note,
        )
        offer_time(before.doctor_id, freed, waiting, uow)
        uow.commit()
    return visit, cancellation


def cancellation_of(
    visit: Appointment, request: CancelAppointment, uow: UnitOfWork
) -> Cancellation:
    """Return the record of why *visit* does not take place; nothing is stored."""
    cutoff = timedelta(minutes=uow.clinic.policy.cancellation_cutoff)
    missed = request.cancellation_type is CancellationType.NO_SHOW
    return Cancellation(
        id=CancellationId(uuid4()),
        appointment_id=visit.id,
        patient_id=visit.patient_id,
        cancelled_by_id=uow.actor.user_id,
        cancellation_type=request.cancellation_type,
        reason_note=request.reason_note,
        late=not missed and visit.starts_at - cutoff < uow.now,
        created_at=uow.now,
    )


def offset_of(utc_offset: str | None) -> timedelta | None:
    """Return the UTC offset that is written as "-05:00"."""
    if utc_offset is None:
        return None
    sign = -1 if utc_offset[0] == "-" else 1
    return sign * timedelta(hours=int(utc_offset[1:3]), minutes=int(utc_offset[4:]))


def _offset_kept(
    before: Appointment, local: datetime, zone: ZoneInfo
) -> timedelta | None:
    """
    Return the UTC offset of a visit if clocks show *local* with it, on the same day.

    So a small move out of an hour that comes twice does not go to the other pass.
    """
    if local.date() != before.date:
        return None
    offset = before.starts_at.astimezone(zone).utcoffset()
    return None if instant_of(local, zone, offset) is None else offset


def _given_reason(
    request: BookAppointment | RescheduleAppointment | ReinstateAppointment,
) -> str | None:
    return None if request.override is None else request.override.reason


def kept_reason(visit: Appointment) -> str | None:
    """Return why a visit stands against the rules; None if it does not."""
    return visit.override.reason if visit.override else None
