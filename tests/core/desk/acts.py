"""Acts at the desk in few words, for the tests of several modules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from clinicflow_core.desk import booking, calendars, policies
from clinicflow_core.desk.booking import (
    CancelAppointment,
    OverrideRequest,
    RescheduleAppointment,
)
from clinicflow_core.desk.calendars import SetDatedHours, TakeTimeOff, TimeOffTaken
from clinicflow_core.desk.policies import KeptPolicy
from clinicflow_core.entities.appointment import Appointment, CancellationType
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.entities.user import Role
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import AppointmentFilter, PageRequest, UnitOfWork
from clinicflow_core.timespan import instant_of
from tests.builders import (
    DAY,
    ZONE,
    OpenClinic,
    day_hours,
    local,
    session,
    user,
    visit_at,
)

EMERGENCY = OverrideRequest(reason="an emergency")
ILL = CancelAppointment(
    cancellation_type=CancellationType.PATIENT_CANCELLED, reason_note="has a cold"
)


def at(text: str) -> datetime:
    """Return the instant at which clocks in New York show "2026-03-02 12:00"."""
    instant = instant_of(local(text), ZONE)
    assert instant is not None
    return instant


def utc(text: str) -> datetime:
    """Return the instant "2026-03-02 17:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def to(times: str = "11:00-11:30", on: date = DAY, **fields: Any) -> Any:
    """Return the wish to move a visit to "11:00-11:30"; it may run past midnight."""
    wanted = visit_at(times, on)
    return RescheduleAppointment(
        **{
            "date": on,
            "start_time": wanted.start_time,
            "duration": wanted.duration,
            **fields,
        }
    )


def kinds(conflicts: Any) -> list[str]:
    return [conflict.kind.value for conflict in conflicts]


def times_of(visits: Any) -> list[str]:
    """Return what the clinic's clocks show when each begins, as "03-02 09:00"."""
    return [f"{each.date:%m-%d} {each.start_time:%H:%M}" for each in visits]


def visits_of(clinic: OpenClinic) -> tuple[Appointment, ...]:
    return booking.page(AppointmentFilter(), PageRequest(limit=999), clinic.uow).items


def events_of(record: Any, clinic: OpenClinic) -> tuple[Event, ...]:
    with clinic.uow as uow:
        return uow.events.of(getattr(record, "id", record))


def happened(record: Any, clinic: OpenClinic) -> list[str]:
    return [event.kind for event in events_of(record, clinic)]


def set_policy(clinic: OpenClinic, **asked: Any) -> KeptPolicy:
    return policies.set_policy(SchedulingPolicy(**asked), clinic.uow)


def set_day(clinic: OpenClinic, on: date, *stretches: str) -> None:
    """Give the doctor the hours "09:00-12:00" on one day; none without any."""
    request = SetDatedHours(date=on, hours=day_hours(*stretches))
    calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow)


def take_off(clinic: OpenClinic, starts: str, ends: str, **fields: Any) -> TimeOffTaken:
    """Take the doctor's time off, from "2026-03-02 09:00" on."""
    request = TakeTimeOff(starts=local(starts), ends=local(ends), **fields)
    return calendars.take_time_off(clinic.doctor.id, request, clinic.uow)


def without_a_diary(clinic: OpenClinic) -> UnitOfWork:
    """Return a unit of work by somebody in a doctor's role who is no doctor's."""
    somebody = user(clinic.id, role=Role.DOCTOR)
    signed_in = session(somebody)
    with clinic.store.entrance() as entrance:
        entrance.add_user(somebody)
        entrance.add_session(signed_in)
        entrance.commit()
    return clinic.store.unit_of_work(clinic.id, signed_in.id)


def contents(clinic: OpenClinic) -> Mapping[str, Any]:
    """Return all that is stored of a clinic, to compare."""
    if isinstance(clinic.store, MemoryStore):
        kept = clinic.store._committed
        of_clinic = {
            table: dict(rows)
            for (table, scope), rows in kept.items()
            if scope == clinic.id and rows
        }
        return {**of_clinic, "clinics": kept["clinics", None][clinic.id,]}
    from clinicflow_core.sql.tables import metadata
    from tests.sql.rows import past_the_wall

    with past_the_wall(clinic.store) as connection:
        as_text = {"sqlite": "json_array({})", "postgresql": "CAST(({}) AS text)"}
        told = as_text[connection.dialect.name]
        rows = connection.exec_driver_sql(
            " UNION ALL ".join(
                f"SELECT '{table.name}', {told.format(', '.join(table.c.keys()))} "
                f"FROM {table.name} "
                f"WHERE {'clinic_id' if 'clinic_id' in table.c else 'id'} "
                f"= '{clinic.id}'"
                for table in metadata.sorted_tables
                if "clinic_id" in table.c or table.name == "clinics"
            )
        )
        found: dict[str, Any] = {}
        for table, row in rows:
            found.setdefault(table, []).append(row)
        return {table: sorted(found[table]) for table in found}
