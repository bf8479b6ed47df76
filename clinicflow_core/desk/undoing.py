"""Undoing: what was done last to a visit, taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen

from clinicflow_core.accounts.permissions import Actor, Permission
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import RescheduleAppointment, moves_among, seen
from clinicflow_core.desk.placing import place_facts
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.appointment import HOLDING, Appointment, Status, Step
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.errors import NothingToUndoError
from clinicflow_core.ports import UnitOfWork


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


@retried
def undo(
    appointment_id: AppointmentId, uow: UnitOfWork, version: int | None = None
) -> Appointment:
    """
    Take back what was done last to a visit.

    That is a confirmation, an arrival, a completion, a no-show, a cancellation or a
    move; who may do it may undo it. The visit stands as it did before. One that was
    given up takes its time again, if that is still free, and keeps what was accepted
    against it; one that was moved moves back, as `booking.reschedule` does it. A form
    that comes in meanwhile is in nobody's way. What was undone is not done again.

    Args:
        version: The one that the step made; None for any, so that it may be somebody
            else's that is taken back.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        StaleVersionError: If the visit has another *version*.
        NothingToUndoError: If nothing of that kind came last.
        BookingConflictError: If the time before is taken by now.
    """
    with uow:
        before = seen(appointment_id, uow)
        require_version(before, version)
        done = _done(uow.events.of(before.id))
        found = _undoable(done)
        if found is None:
            raise NothingToUndoError(before.id)
        uow.actor.must(found.permission)
        if found.step is not Step.RESCHEDULE:
            visit = _before(found.step, before, _stood(done[:-1]), uow)
            uow.appointments.save(visit)
            facts = {"step": found.step.value, "status": visit.status.value}
            uow.record(
                "appointment.undone", visit, facts={**place_facts(visit), **facts}
            )
            uow.commit()
            return visit
    # Nobody comes between, since the version is the one that was looked at.
    back = way_back(appointment_id, uow)
    return booking.reschedule(appointment_id, back, uow, version=before.version)


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
        events = uow.events.of(seen(appointment_id, uow).id)
        if undoable(events, uow.actor) is not Step.RESCHEDULE:
            raise NothingToUndoError(appointment_id)
    last = moves_among(events)[-1]
    before = last.from_starts_at.astimezone(uow.clinic.zone)
    return RescheduleAppointment(
        date=before.date(),
        start_time=before.time(),
        duration=last.from_duration,
        doctor_id=last.from_doctor_id,
        # The first pass of a repeated hour is meant without it.
        utc_offset=before.isoformat()[-6:] if before.fold else None,
    )


def _done(events: Iterable[Event]) -> list[Event]:
    """Return *events* without what the patient's form alone did to the visit."""
    return [
        event
        for event in events
        if event.kind != "appointment.changed"
        or event.facts.get("fields") != ["intake_status"]
    ]


def _undoable(done: Sequence[Event]) -> _Undoable | None:
    if not done:
        return None
    last = done[-1]
    if last.kind == "appointment.rescheduled" and not moves_among([last]):
        return None  # An override alone was given.
    return _UNDOABLE.get(last.kind)


def _before(
    step: Step, visit: Appointment, stood: Status, uow: UnitOfWork
) -> Appointment:
    earlier = visit.undone(step, stood, uow.now)
    if visit.status in HOLDING:
        return earlier
    reason = booking.kept_reason(visit)
    return booking.take_again(
        visit,
        lambda override: evolve(earlier, override=override),
        reason if uow.actor.may(Permission.OVERRIDE) else None,
        uow,
    )


def _stood(events: Iterable[Event]) -> Status:
    """Return where a visit that is to come stands after *events*."""
    status = Status.UNCONFIRMED
    for event in events:
        if event.kind == "appointment.confirmed":
            status = Status.CONFIRMED
        elif event.kind == "appointment.reinstated" or (
            event.kind == "appointment.undone" and event.facts["step"] == "confirm"
        ):
            status = Status.UNCONFIRMED
    return status
