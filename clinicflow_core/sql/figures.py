"""What figures are counted from, read in one round trip."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    bindparam,
    case,
    false,
    func,
    literal_column,
    select,
)

from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.entities.ids import ClinicId, DoctorId
from clinicflow_core.errors import DoctorNotFoundError
from clinicflow_core.figures.visits import CountedVisit
from clinicflow_core.ports import MOST_COUNTED, Counted, LooseEnds
from clinicflow_core.sql.calendars import CALENDARS, CALENDARS_OF_ALL, calendar_of
from clinicflow_core.sql.doctors import doctor_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip
from clinicflow_core.sql.tables import (
    ai_intake_summaries,
    appointments,
    cancellations,
    events,
)

_DAY = timedelta(days=1)
_EVERY_DOCTOR = 2**31 - 1
"""A figure that leaves out a doctor is wrong, so there is no bound to them."""

_visits = appointments.c
_summaries = ai_intake_summaries.c

_IS_CANCELLED = _visits.status == literal_column("'cancelled'")
_LAST_CANCELLATION_IS_LATE = (
    select(cancellations.c.late)
    .where(
        cancellations.c.clinic_id == _visits.clinic_id,
        cancellations.c.appointment_id == _visits.id,
    )
    .order_by(cancellations.c.created_at.desc(), cancellations.c.id.desc())
    .limit(literal_column("1"))
    .scalar_subquery()
)
_COMPLETED_AT = (
    select(func.max(events.c.at))
    .where(
        events.c.clinic_id == _visits.clinic_id,
        events.c.record_id == _visits.id,
        events.c.kind == literal_column("'appointment.completed'"),
    )
    .scalar_subquery()
)
_AWAITS_SIGNATURE = (
    _summaries.superseded_at.is_(None),
    _summaries.signed_at.is_(None),
    _summaries.status != literal_column("'generating'"),
)
_COUNTED = select(
    _visits.id,
    _visits.doctor_id,
    _visits.patient_id,
    _visits.date,
    _visits.start_time,
    _visits.end_time,
    _visits.starts_at,
    _visits.ends_at,
    _visits.status,
    _visits.intake_status,
    _visits.created_at,
    _visits.arrived_at,
    # Only there can it matter, and most visits are spared the look.
    case(
        (_visits.status == literal_column("'completed'"), _COMPLETED_AT),
    ).label("completed_at"),
    case(
        (_IS_CANCELLED, func.coalesce(_LAST_CANCELLATION_IS_LATE, false())),
        else_=false(),
    ).label("cancelled_late"),
    select(_summaries.id)
    .where(
        _summaries.clinic_id == _visits.clinic_id,
        _summaries.appointment_id == _visits.id,
        *_AWAITS_SIGNATURE,
    )
    .exists()
    .label("awaits_signature"),
).where(
    _visits.clinic_id == bindparam("clinic_id"),
    # What is only offered to somebody on the waitlist is no visit.
    _visits.offered_until.is_(None),
)
_OF_DAYS = (
    _COUNTED.where(
        _visits.date >= bindparam("first"), _visits.date <= bindparam("last")
    )
    .order_by(_visits.starts_at, _visits.id)
    .limit(bindparam("most", type_=Integer()))
)
_OPEN = (
    _COUNTED.add_columns(func.count().over().label("in_all"))
    .where(
        _visits.starts_at >= bindparam("since"),
        _visits.ends_at <= bindparam("now"),
        _visits.status.in_(
            [literal_column("'unconfirmed'"), literal_column("'confirmed'")]
        ),
    )
    .order_by(_visits.starts_at.desc(), _visits.id.desc())
    .limit(bindparam("limit", type_=Integer()))
)
_UNSIGNED: Select[Any] = (
    select(func.count().label("in_all"))
    .select_from(
        ai_intake_summaries.join(
            appointments,
            (_visits.clinic_id == _summaries.clinic_id)
            & (_visits.id == _summaries.appointment_id),
        )
    )
    .where(
        _summaries.clinic_id == bindparam("clinic_id"),
        _visits.starts_at >= bindparam("since"),
        *_AWAITS_SIGNATURE,
    )
)


def _for_whom(query: Select[Any]) -> dict[bool, Fixed]:
    """Return *query* for all doctors, and under True for one."""
    of_one = query.where(_visits.doctor_id == bindparam("doctor_id"))
    return {False: Fixed(query), True: Fixed(of_one)}


_VISITS, _OPEN_VISITS, _UNSIGNED_VISITS = map(_for_whom, (_OF_DAYS, _OPEN, _UNSIGNED))


def _visit_of(row: Row) -> CountedVisit:
    return CountedVisit(
        id=row["id"],
        doctor_id=row["doctor_id"],
        patient_id=row["patient_id"],
        date=row["date"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        status=Status(row["status"]),
        intake_status=IntakeStatus(row["intake_status"]),
        booked_at=row["created_at"],
        arrived_at=row["arrived_at"],
        completed_at=row["completed_at"],
        cancelled_late=row["cancelled_late"],
        awaits_signature=row["awaits_signature"],
    )


class SqlFigures:
    """See `ports.Figures`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def read(
        self, first: date, last: date, doctor_id: DoctorId | None = None
    ) -> Counted:
        of_clinic = {"clinic_id": self._clinic_id, "doctor_id": doctor_id}
        of_calendars = {
            **of_clinic,
            "ids": [doctor_id],
            "limit": _EVERY_DOCTOR,
            # What runs past midnight began the day before.
            "first": first - _DAY,
            "last": last + _DAY,
        }
        of_visits = {
            **of_clinic,
            "most": MOST_COUNTED + 1,
            # So may a visit, and clocks can skip a day between.
            "first": first - 2 * _DAY,
            "last": last,
        }
        is_one = doctor_id is not None
        calendars, visits = self._trip.now(
            (CALENDARS if is_one else CALENDARS_OF_ALL, of_calendars),
            (_VISITS[is_one], of_visits),
        )
        by_doctor: defaultdict[DoctorId, list[Row]] = defaultdict(list)
        for row in calendars:
            by_doctor[row["id"]].append(row)
        if doctor_id is not None and not by_doctor:
            raise DoctorNotFoundError(doctor_id)
        doctors = [doctor_of(rows[0]) for rows in by_doctor.values()]
        return Counted(
            doctors={d.id: d for d in sorted(doctors, key=lambda d: d.sort_key)},
            calendars={i: calendar_of(rows) for i, rows in by_doctor.items()},
            visits=tuple(map(_visit_of, visits)),
        )

    def loose_ends(
        self,
        since: datetime,
        now: datetime,
        limit: int,
        doctor_id: DoctorId | None = None,
    ) -> LooseEnds:
        asked = {
            "clinic_id": self._clinic_id,
            "doctor_id": doctor_id,
            "since": since,
            "now": now,
            "limit": limit,
        }
        is_one = doctor_id is not None
        visits, [unsigned] = self._trip.now(
            (_OPEN_VISITS[is_one], asked), (_UNSIGNED_VISITS[is_one], asked)
        )
        return LooseEnds(
            open=tuple(map(_visit_of, visits)),
            open_count=visits[0]["in_all"] if visits else 0,
            unsigned_count=unsigned["in_all"],
        )
