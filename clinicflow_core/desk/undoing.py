"""Undoing: what was done last to a visit, taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from clinicflow_core.accounts.permissions import Actor, Permission
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import RescheduleAppointment, moves_among, seen
from clinicflow_core.desk.placing import Wanted, place, place_facts
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.appointment import (
    HOLDING,
    Appointment,
    Override,
    Status,
    Step,
)
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.errors import NothingToUndoError
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.conflicts import OVERLAP_RULES
from clinicflow_core.timespan import wall_clock


@frozen
class _Undoable:
    step: Step
    permission: Permission


_UNDOABLE: Final[Mapping[str, _Undoable]] = MappingProxyType(
    {
        "appointment.confirmed": _Undoable(Step.CONFIRM, Permission.BOOK),
        "appointment.arrived": _Undoable(Step.ARRIVE, Permission.RECORD_VISITS),
        "appointment.completed": _Undoable(Step.COMPLETE, Permission.RECORD_VISITS),
        "appointment.missed": _Undoable(Step.NO_SHOW, Permission.RECORD_VISITS),
        "appointment.cancelled": _Undoable(Step.CANCEL, Permission.BOOK),
        "appointment.rescheduled": _Undoable(Step.RESCHEDULE, Permission.BOOK),
    }
)
"""What can be taken back, by the event that told of it, and who may."""

_UNDONE: Final = "undone"
"""The fact of a move that it took one back."""


@retried
def undo(
    appointment_id: AppointmentId, uow: UnitOfWork, version: int | None = None
) -> Appointment:
    """
    Take back what was done last to a visit.

    That is a confirmation, an arrival, a completion, a no-show, a cancellation or a
    move; who may do it may undo it. The visit stands as it did before, with what was
    accepted against it then. It is judged on overlap alone: time that somebody else has
    by now is not taken back. A form that comes in meanwhile is in nobody's way. What
    was undone is not undone again.

    Args:
        version: The one that the step made; None for any, so that it may be somebody
            else's that is taken back.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        NothingToUndoError: If nothing of that kind came last.
        PatientErasedError: If the patient was erased.
        BookingConflictError: If the time before is taken by now.
    """
    with uow:
        before = seen(appointment_id, uow)
        events = uow.events.of(before.id)
        done = _done(events)
        if version is not None and version < before.version:
            # What the patient's form alone did since then counts for nothing.
            version += len(list(takewhile(_is_of_intake, reversed(events))))
        require_version(before, version)
        found = _undoable(done)
        if found is None:
            raise NothingToUndoError(before.id)
        uow.actor.must(found.permission)
        uow.patients.get(before.patient_id).refuse_erased()
        if found.step is Step.RESCHEDULE:
            visit = _moved_back(before, done, uow)
        else:
            visit = _before(found.step, before, _stood(done[:-1]), uow)
            uow.appointments.save(visit)
            facts = {"step": found.step.value, "status": visit.status.value}
            uow.record(
                "appointment.undone", visit, facts={**place_facts(visit), **facts}
            )
        uow.commit()
    return visit


def undoable(events: Iterable[Event], actor: Actor) -> Step | None:
    """Return the step that *actor* may `undo` of a visit, by its *events* so far."""
    found = _undoable(_done(events))
    return found.step if found and actor.may(found.permission) else None


def way_back(appointment_id: AppointmentId, uow: UnitOfWork) -> RescheduleAppointment:
    """
    Return the move that takes a visit to where it was before it was moved last.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        NothingToUndoError: If that is not what happened to it last.
    """
    with uow:
        visit = seen(appointment_id, uow)
        events = uow.events.of(visit.id)
        if undoable(events, uow.actor) is not Step.RESCHEDULE:
            raise NothingToUndoError(appointment_id)
        return _way_back(visit, _done(events), uow)


def _done(events: Iterable[Event]) -> list[Event]:
    """Return *events* without what the patient's form alone did to the visit."""
    return [event for event in events if not _is_of_intake(event)]


def _is_of_intake(event: Event) -> bool:
    is_change = event.kind == "appointment.changed"
    return is_change and event.facts.get("fields") == ["intake_status"]


def _undoable(done: Sequence[Event]) -> _Undoable | None:
    if not done:
        return None
    last = done[-1]
    if last.kind == "appointment.rescheduled":
        is_step = moves_among([last]) and _UNDONE not in last.facts
        return _UNDOABLE[last.kind] if is_step else None
    return _UNDOABLE.get(last.kind)


def _before(
    step: Step, visit: Appointment, stood: Status, uow: UnitOfWork
) -> Appointment:
    earlier = visit.undone(step, stood, uow.now)
    if visit.status in HOLDING:
        return earlier
    return booking.take_again(visit, lambda _: earlier, None, uow, visit.override)


def _stood(events: Iterable[Event]) -> Status:
    """Return where a visit that is to come stands after *events*."""
    status = Status.UNCONFIRMED
    for event in events:
        is_booking = event.kind == "appointment.booked"
        if event.kind == "appointment.confirmed" or (
            is_booking and "waitlist_id" in event.facts  # Accepted, and so confirmed.
        ):
            status = Status.CONFIRMED
        elif event.kind == "appointment.reinstated" or (
            event.kind == "appointment.undone" and event.facts["step"] == "confirm"
        ):
            status = Status.UNCONFIRMED
    return status


def _way_back(
    visit: Appointment, done: Sequence[Event], uow: UnitOfWork
) -> RescheduleAppointment:
    """
    Raises:
        NothingToUndoError: If clocks in the clinic's zone do not show the visit where
            it was promised: nobody knows then what they showed before the move.
    """
    zone = uow.clinic.zone
    promised = datetime.combine(visit.date, visit.start_time)
    if wall_clock(visit.starts_at, zone) != promised:
        raise NothingToUndoError(visit.id)
    last = moves_among(done)[-1]
    before = last.from_starts_at.astimezone(zone)
    return RescheduleAppointment(
        date=before.date(),
        start_time=before.time(),
        duration=last.from_duration,
        doctor_id=last.from_doctor_id,
        utc_offset=before.isoformat()[-6:],
    )


def _moved_back(
    visit: Appointment, done: Sequence[Event], uow: UnitOfWork
) -> Appointment:
    back = _way_back(visit, done, uow)
    doctor_id = back.doctor_id or visit.doctor_id
    kept = _override_before(done)
    wanted = Wanted(
        appointment_id=visit.id,
        doctor_id=doctor_id,
        patient_id=visit.patient_id,
        local=datetime.combine(back.date, back.start_time),
        duration=back.duration,
        utc_offset=booking.offset_of(back.utc_offset),
        before=visit,
        draft=lambda time, override=None, /: visit.rescheduled(
            time, doctor_id, override, uow.now
        ),
    )
    return booking.move(
        visit,
        doctor_id,
        uow,
        lambda also: place(wanted, None, uow, OVERLAP_RULES, also, kept),
        {_UNDONE: True},
    )


def _override_before(done: Sequence[Event]) -> Override | None:
    """Return what was accepted against a visit before it was moved last."""
    moved_from: Any = done[-1].facts["from"]
    kinds = tuple(moved_from.get("override", ()))
    told = (e for e in reversed(done[:-1]) if _accepted_in(e) == kinds)
    event = next(told, None) if kinds else None
    if event is None or event.reason is None:
        return None
    return Override(reason=event.reason, conflicts=kinds, by_id=event.user_id)


def _accepted_in(event: Event) -> tuple[str, ...]:
    kinds: Any = event.facts.get("override", ())
    return tuple(kinds)
