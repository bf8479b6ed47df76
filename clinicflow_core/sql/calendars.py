"""Doctors' calendars as rows: weekly hours, days with other hours, time off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Date,
    Integer,
    String,
    Text,
    bindparam,
    cast,
    delete,
    insert,
    literal_column,
    null,
    select,
    union_all,
)

from clinicflow_core.entities.calendar import Calendar, DatedHours, DayStretch, TimeOff
from clinicflow_core.entities.doctor import Weekday, WorkingHours
from clinicflow_core.entities.ids import ClinicId, DoctorId
from clinicflow_core.sql.prepared import Fixed, Row, all_columns
from clinicflow_core.sql.tables import (
    dated_hours,
    doctors,
    time_off,
    waitlist_offers,
    working_hours,
)
from clinicflow_core.sql.types import Key, UtcDateTime, among
from clinicflow_core.wire import LocalDateTime

_TABLES = (working_hours, dated_hours, time_off, waitlist_offers)
_OF_DOCTOR = [
    (
        table.c.clinic_id == bindparam("clinic_id"),
        table.c.doctor_id == bindparam("id"),
    )
    for table in _TABLES
]
_OF_DOCTORS = [
    (
        table.c.clinic_id == bindparam("clinic_id"),
        among(table.c.doctor_id, "ids"),
    )
    for table in _TABLES
]
REMOVE_CALENDAR = tuple(
    Fixed(delete(table).where(*of_doctor))
    for table, of_doctor in zip(_TABLES, _OF_DOCTOR, strict=True)
)
REMOVE_HOURS = REMOVE_CALENDAR[0]
ADD_HOURS = Fixed(insert(working_hours), all_columns(working_hours))
GET_HOURS = Fixed(select(working_hours).where(*_OF_DOCTORS[0]))

REMOVE_DATED_HOURS = Fixed(
    delete(dated_hours).where(*_OF_DOCTOR[1], dated_hours.c.date == bindparam("date"))
)
ADD_DATED_HOURS = Fixed(insert(dated_hours), all_columns(dated_hours))
GET_DATED_HOURS = Fixed(
    select(dated_hours).where(
        *_OF_DOCTORS[1],
        dated_hours.c.date >= bindparam("first"),
        dated_hours.c.date <= bindparam("last"),
    )
)

_OF_TIME_OFF = (
    time_off.c.clinic_id == bindparam("clinic_id"),
    time_off.c.id == bindparam("id"),
)
ADD_TIME_OFF = Fixed(insert(time_off), all_columns(time_off))
FIND_TIME_OFF = Fixed(select(time_off).where(*_OF_TIME_OFF))
REMOVE_TIME_OFF = Fixed(delete(time_off).where(*_OF_TIME_OFF))
GET_TIME_OFF = Fixed(
    select(time_off)
    .where(*_OF_DOCTORS[2], time_off.c.end_date >= bindparam("first"))
    .order_by(time_off.c.start_date, time_off.c.start_time, time_off.c.id)
    .limit(bindparam("limit", type_=Integer()))
)


def _none(kind: Any) -> Any:
    # PostgreSQL wants to know of what kind nothing is.
    return cast(null(), kind)


_ENTRIES = union_all(
    select(
        working_hours.c.doctor_id,
        literal_column("'weekly'", Text()).label("entry"),
        working_hours.c.weekday,
        _none(Date).label("first_day"),
        working_hours.c.start_time,
        _none(Date).label("last_day"),
        working_hours.c.end_time,
        _none(Integer).label("position"),
        _none(Key).label("entry_id"),
        _none(Text).label("reason"),
        _none(UtcDateTime).label("entered_at"),
    ).where(working_hours.c.clinic_id == bindparam("clinic_id")),
    select(
        dated_hours.c.doctor_id,
        literal_column("'dated'", Text()),
        _none(String(10)),
        dated_hours.c.date,
        dated_hours.c.start_time,
        _none(Date),
        dated_hours.c.end_time,
        dated_hours.c.position,
        _none(Key),
        _none(Text),
        _none(UtcDateTime),
    ).where(
        dated_hours.c.clinic_id == bindparam("clinic_id"),
        dated_hours.c.date >= bindparam("first", type_=Date()),
        dated_hours.c.date <= bindparam("last", type_=Date()),
    ),
    select(
        time_off.c.doctor_id,
        literal_column("'off'", Text()),
        _none(String(10)),
        time_off.c.start_date,
        time_off.c.start_time,
        time_off.c.end_date,
        time_off.c.end_time,
        _none(Integer),
        time_off.c.id,
        time_off.c.reason,
        time_off.c.created_at,
    ).where(
        time_off.c.clinic_id == bindparam("clinic_id"),
        time_off.c.start_date <= bindparam("last", type_=Date()),
        time_off.c.end_date >= bindparam("first", type_=Date()),
    ),
).subquery("entries")


def _calendars(these: Any) -> Any:
    """Return the statement for doctors with all that is in their calendars."""
    columns = [c for c in _ENTRIES.c if c.key != "doctor_id"]
    return (
        select(these, *columns)
        .select_from(these.outerjoin(_ENTRIES, _ENTRIES.c.doctor_id == these.c.id))
        .where(these.c.clinic_id == bindparam("clinic_id"))
    )


CALENDARS = Fixed(_calendars(doctors).where(among(doctors.c.id, "ids")))
"""Doctors among `ids`, each as often as there are entries from `first` to `last`."""

_FIRST_DOCTORS = (
    select(doctors)
    .where(doctors.c.clinic_id == bindparam("clinic_id"))
    .order_by(doctors.c.name, doctors.c.id)
    .limit(bindparam("limit", type_=Integer()))
    .subquery("doctors")
)
CALENDARS_OF_ALL = Fixed(_calendars(_FIRST_DOCTORS))
"""The same of the first doctors by name."""


def calendar_of(rows: Iterable[Row]) -> Calendar:
    """Return the calendar that the rows of one doctor make."""
    entries: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        entries[row["entry"]].append(row)
    off = (
        TimeOff(
            id=row["entry_id"],
            doctor_id=row["id"],
            starts=_local(row["first_day"], row["start_time"]),
            ends=_local(row["last_day"], row["end_time"]),
            reason=row["reason"],
            created_at=row["entered_at"],
        )
        for row in entries["off"]
    )
    return Calendar(
        weekly=_week(entries["weekly"]),
        dated=_dated(entries["dated"], "first_day"),
        time_off=tuple(sorted(off, key=lambda each: each.sort_key)),
    )


def hours_by_doctor(
    rows: Iterable[Row], doctor_ids: Collection[DoctorId]
) -> dict[DoctorId, tuple[WorkingHours, ...]]:
    """Return each doctor's hours, ordered by weekday and start."""
    by_doctor: dict[DoctorId, list[Row]] = {i: [] for i in doctor_ids}
    for row in rows:
        by_doctor[row["doctor_id"]].append(row)
    return {doctor_id: _week(found) for doctor_id, found in by_doctor.items()}


def _week(rows: Iterable[Row]) -> tuple[WorkingHours, ...]:
    week = (
        WorkingHours(Weekday(row["weekday"]), row["start_time"], row["end_time"])
        for row in rows
    )
    return tuple(sorted(week, key=WorkingHours.minutes_of_week))


def row_of_hours(
    stretch: WorkingHours, doctor_id: DoctorId, clinic_id: ClinicId
) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "doctor_id": doctor_id,
        "weekday": stretch.weekday.value,
        "start_time": stretch.start,
        "end_time": stretch.end,
    }


def dated_hours_of(rows: Iterable[Row]) -> tuple[DatedHours, ...]:
    """Return the days that the rows of one doctor make, by date."""
    return _dated(rows, "date")


def _dated(rows: Iterable[Row], day: str) -> tuple[DatedHours, ...]:
    ordered = sorted(rows, key=lambda row: (row[day], row["position"]))
    return tuple(
        DatedHours(
            on,
            tuple(
                DayStretch(row["start_time"], row["end_time"])
                for row in of_day
                if row["start_time"] is not None
            ),
        )
        for on, of_day in groupby(ordered, key=lambda row: row[day])
    )


def rows_of_dated_hours(
    day: DatedHours, doctor_id: DoctorId, clinic_id: ClinicId
) -> Iterator[dict[str, Any]]:
    for position, stretch in enumerate(day.hours or (None,)):
        yield {
            "clinic_id": clinic_id,
            "doctor_id": doctor_id,
            "date": day.date,
            "position": position,
            "start_time": stretch and stretch.start,
            "end_time": stretch and stretch.end,
        }


def time_off_of(row: Row) -> TimeOff:
    return TimeOff(
        id=row["id"],
        doctor_id=row["doctor_id"],
        starts=_local(row["start_date"], row["start_time"]),
        ends=_local(row["end_date"], row["end_time"]),
        reason=row["reason"],
        created_at=row["created_at"],
    )


def row_of_time_off(off: TimeOff, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": off.id,
        "clinic_id": clinic_id,
        "doctor_id": off.doctor_id,
        "start_date": off.starts.date(),
        "start_time": off.starts.time(),
        "end_date": off.ends.date(),
        "end_time": off.ends.time(),
        "reason": off.reason,
        "created_at": off.created_at,
    }


def _local(day: date, moment: Any) -> LocalDateTime:
    return LocalDateTime(datetime.combine(day, moment))
