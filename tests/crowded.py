"""
Clinics with thousands of visits, all kinds of them, written past all ports.

What a seed makes is always the same. No two visits hold one doctor's time unless one
of them was overbooked, as the database itself demands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import define, field, frozen
from sqlalchemy import Connection, insert

from clinicflow_core.entities.appointment import HOLDING, Appointment, Status, fields_of
from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.ids import ClinicId, DoctorId
from clinicflow_core.sql.appointments import row_of_appointment
from clinicflow_core.sql.tables import metadata
from clinicflow_core.timespan import visit_time
from tests.builders import appointment, overbooked

_DAY = timedelta(days=1)
_STATUSES = {
    Status.COMPLETED: 55,
    Status.NO_SHOW: 8,
    Status.CANCELLED: 14,
    Status.CONFIRMED: 15,
    Status.UNCONFIRMED: 8,
}
_DAYTIME = (("09:00:00", "12:30:00"), ("13:15:00", "17:00:00"))
_NIGHT = (("22:00:00", "06:00:00"),)
_EARLY = (("01:30:00", "10:00:00"),)
"""Begins where clocks skip or repeat an hour."""


@frozen(kw_only=True)
class Crowd:
    """
    What is known of a clinic that was written.

    Attributes:
        doctor_ids: One works by day, one by night, one early, and one has no hours.
        visits: How many there are, without what is only offered.
    """

    id: ClinicId
    timezone: str
    first: date
    last: date
    now: datetime
    doctor_ids: tuple[DoctorId, ...]
    visits: int


def write_clinic(
    connection: Connection,
    *,
    seed: int,
    timezone: str,
    first: date,
    days: int,
    now: datetime,
    visits_a_day: int = 15,
) -> Crowd:
    """Write a clinic with four doctors, and visits from the day before *first* on."""
    # Events are numbered over all clinics.
    writer = _Writer(
        random.Random(seed), ZoneInfo(timezone), now, events=seed * 1_000_000
    )
    clinic_id = ClinicId(writer.new_id())
    last = first + (days - 1) * _DAY
    writer.add(
        "clinics",
        id=clinic_id,
        name=f"Clinic {seed}",
        timezone=timezone,
        scheduling_policy={
            "closed_days": [str(first + n * _DAY) for n in (5, days - 3)]
        },
    )
    writer.clinic_id = clinic_id
    weeks = (_DAYTIME, _NIGHT, _EARLY, ())
    doctor_ids = []
    for number, stretches in enumerate(weeks):
        doctor_id = DoctorId(writer.new_id())
        doctor_ids.append(doctor_id)
        writer.add("doctors", id=doctor_id, name=f"Dr. {number}")
        writer.calendar(doctor_id, stretches, first, days)
        for n in range(-1, days + 1):
            writer.day(doctor_id, first + n * _DAY, visits_a_day)
    for table in metadata.sorted_tables:
        if rows := writer.rows.get(table.name):
            connection.execute(insert(table), rows)
    return Crowd(
        id=clinic_id,
        timezone=timezone,
        first=first,
        last=last,
        now=now,
        doctor_ids=tuple(doctor_ids),
        visits=writer.visits,
    )


@define
class _Writer:
    chance: random.Random
    zone: ZoneInfo
    now: datetime
    clinic_id: ClinicId | None = None
    rows: dict[str, list[dict[str, Any]]] = field(factory=dict)
    held_until: dict[UUID, datetime] = field(factory=dict)
    events: int = 0
    visits: int = 0

    def new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def add(self, table: str, **row: Any) -> None:
        of_clinic = {"clinic_id": self.clinic_id} if table != "clinics" else {}
        self.rows.setdefault(table, []).append({**of_clinic, **row})

    def calendar(
        self, doctor_id: DoctorId, stretches: Any, first: date, days: int
    ) -> None:
        for weekday in WEEKDAYS[:6]:
            for start, end in stretches:
                self.add(
                    "working_hours",
                    doctor_id=doctor_id,
                    weekday=weekday.value,
                    start_time=time.fromisoformat(start),
                    end_time=time.fromisoformat(end),
                )
        if not stretches:
            return
        on = first + self.chance.randrange(days) * _DAY
        for position, (start, end) in enumerate(
            [(time(8), time(9, 30)), (time(23), time(1))]
        ):
            self.add(
                "dated_hours",
                doctor_id=doctor_id,
                date=on,
                position=position,
                start_time=start,
                end_time=end,
            )
        self.add(
            "dated_hours",
            doctor_id=doctor_id,
            date=on + 2 * _DAY,
            position=0,
            start_time=None,
            end_time=None,
        )
        for _ in range(4):
            starts = datetime.combine(
                first + self.chance.randrange(days) * _DAY,
                time(self.chance.randrange(24), self.chance.choice([0, 30])),
            )
            ends = starts + timedelta(minutes=30 * self.chance.randint(1, 80))
            self.add(
                "time_off",
                id=self.new_id(),
                doctor_id=doctor_id,
                start_date=starts.date(),
                start_time=starts.time(),
                end_date=ends.date(),
                end_time=ends.time(),
                reason=None,
                created_at=self.now,
            )

    def day(self, doctor_id: DoctorId, on: date, visits: int) -> None:
        for start in sorted(
            (self.chance.randrange(24 * 60 * 2)) for _ in range(visits)
        ):
            minute, half = divmod(start, 2)
            shown = time(minute // 60, minute % 60, half * 30)
            self.visit(doctor_id, on, shown)

    def visit(self, doctor_id: DoctorId, on: date, shown: time) -> None:
        chance = self.chance
        moment = visit_time(on, shown, chance.randint(5, 100), self.zone)
        if moment is None:
            return
        statuses = list(_STATUSES)
        [status] = chance.choices(statuses, weights=list(_STATUSES.values()))
        is_offer = chance.random() < 0.02
        if is_offer:
            status = Status.UNCONFIRMED
        is_beside = moment.span.start < self.held_until.get(
            doctor_id, datetime.min.replace(tzinfo=UTC)
        )
        if is_beside and status in HOLDING and chance.random() < 0.5:
            return
        patient_id = self.new_id()
        self.add("patients", id=patient_id, first_name="Ann", last_name="Lee")
        start = moment.span.start
        booked_at = start - timedelta(seconds=chance.randint(-2, 60) * 43_210)
        came = status is Status.COMPLETED and chance.random() < 0.85
        came |= status is Status.CONFIRMED and chance.random() < 0.2
        arrived_at = start + timedelta(seconds=chance.randint(-1800, 1500))
        intake = chance.choice(["missing", "sent", "completed", "completed"])
        visit = appointment(
            id=self.new_id(),
            doctor_id=doctor_id,
            patient_id=patient_id,
            status=status,
            override=overbooked() if is_beside and status in HOLDING else None,
            arrived=came,
            arrived_at=arrived_at if came else None,
            created_at=booked_at,
            updated_at=booked_at,
            **fields_of(moment),
        )
        if visit.holds_doctor:
            self.held_until[doctor_id] = moment.span.end
        offered_until = self.now if is_offer else None
        assert self.clinic_id is not None
        row = row_of_appointment(visit, self.clinic_id, offered_until)
        self.add("appointments", **{**row, "intake_status": intake})
        if is_offer:
            return
        self.visits += 1
        self.event(visit, "appointment.confirmed", 1)
        if status is Status.COMPLETED and chance.random() < 0.9:
            self.event(visit, "appointment.completed", 2)
        if status is Status.CANCELLED or chance.random() < 0.05:
            for _ in range(chance.choice([0, 1, 1, 1, 2])):
                self.cancellation(visit)
        if chance.random() < 0.3:
            self.summaries(visit)

    def event(self, visit: Appointment, kind: str, position: int) -> None:
        self.events += 1
        self.add(
            "events",
            id=self.new_id(),
            number=self.events,
            kind=kind,
            record_id=visit.id,
            at=visit.starts_at + timedelta(seconds=self.chance.randint(300, 9000)),
            actor="system",
            facts={},
            position=position,
            previous_hash="0" * 64,
            hash="0" * 64,
        )

    def cancellation(self, visit: Appointment) -> None:
        self.add(
            "cancellations",
            id=self.new_id(),
            appointment_id=visit.id,
            patient_id=visit.patient_id,
            cancellation_type="other",
            late=self.chance.random() < 0.3,
            created_at=visit.created_at + timedelta(self.chance.randrange(5)),
        )

    def summaries(self, visit: Appointment) -> None:
        """Add one that stands, and sometimes one that it took the place of."""
        for is_old in self.chance.choice([(False,), (True, False)]):
            form_id = self.new_id()
            at = visit.starts_at
            self.add(
                "intake_forms",
                id=form_id,
                patient_id=visit.patient_id,
                appointment_id=visit.id,
                raw_answers={},
                revoked_at=at if is_old else None,
            )
            self.add(
                "ai_intake_summaries",
                id=self.new_id(),
                patient_id=visit.patient_id,
                appointment_id=visit.id,
                intake_form_id=form_id,
                summary_text="A headache.",
                status=self.chance.choice(
                    ["generating", "generated", "failed", "edited"]
                ),
                signed_at=self.chance.choice([None, at]),
                superseded_at=at if is_old else None,
            )


def some_clinics(connection: Connection) -> Iterator[Crowd]:
    """Write four clinics of 10,000 visits in all, three of them over a clock change."""
    for seed, (timezone, first) in enumerate(
        [
            ("America/New_York", date(2026, 2, 20)),
            # By half an hour, back.
            ("Australia/Lord_Howe", date(2026, 3, 20)),
            # At midnight, back into the day before.
            ("Asia/Beirut", date(2026, 10, 5)),
            ("Asia/Kolkata", date(2026, 5, 1)),
        ]
    ):
        now = datetime.combine(first + 30 * _DAY, time(7, 13), UTC)
        yield write_clinic(
            connection,
            seed=seed,
            timezone=timezone,
            first=first,
            days=46,
            now=now,
            visits_a_day=16,
        )
