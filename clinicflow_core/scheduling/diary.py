"""The diary: all that the rules of scheduling look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.calendar import Calendar, DatedHours
from clinicflow_core.entities.doctor import Doctor, WorkingHours
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.policy import NO_POLICY, SchedulingPolicy
from clinicflow_core.scheduling.closures import closed_spans
from clinicflow_core.scheduling.hours import working_spans
from clinicflow_core.timespan import TimeSpan, wall_clock

_NO_CALENDAR = Calendar()


@frozen
class BusyTime:
    """
    The time that one visit takes from its doctor and its patient.

    Attributes:
        doctor_id: None if it shares its doctor's time, and so takes none of it.
        patient_id: None if it shares its patient's time.
        is_offer: Whether it is held for somebody on the waitlist, and no visit yet.
    """

    appointment_id: AppointmentId
    doctor_id: DoctorId | None
    patient_id: PatientId | None
    span: TimeSpan
    is_offer: bool = False


def busy_time_of(visit: Appointment, *, is_offer: bool = False) -> BusyTime:
    """Return the time that *visit* takes."""
    return BusyTime(
        visit.id,
        visit.doctor_id if visit.holds_doctor else None,
        visit.patient_id if visit.holds_patient else None,
        visit.span,
        is_offer,
    )


@frozen(kw_only=True)
class Diary:
    """
    What is known of some doctors and patients around a time.

    Attributes:
        zone: The clinic's.
        now: The instant at which it was read.
        policy: The clinic's.
        doctors: The doctors it was asked for.
        patients: The patients it was asked for.
        calendars: When each doctor works.
        busy: The time of all visits of these people that hold it and overlap the
            window it was asked for, and what is offered to somebody on the waitlist;
            ordered by start.
        lapsed: Offers in the window that nobody accepted in time; they hold nothing.
    """

    zone: ZoneInfo
    now: datetime
    policy: SchedulingPolicy = NO_POLICY
    doctors: Mapping[DoctorId, Doctor]
    patients: Mapping[PatientId, Patient]
    calendars: Mapping[DoctorId, Calendar] = field(factory=dict)
    busy: tuple[BusyTime, ...] = ()
    lapsed: tuple[BusyTime, ...] = ()

    def without(self, appointment_id: AppointmentId) -> Diary:
        """Return the diary as if there were no such visit."""
        if any(taken.appointment_id == appointment_id for taken in self.busy):
            others = (t for t in self.busy if t.appointment_id != appointment_id)
            return evolve(self, busy=tuple(others))
        return self

    def within(self, window: TimeSpan) -> Diary:
        """Return the diary with those visits alone that overlap *window*."""
        near = (taken for taken in self.busy if taken.span.overlaps(window))
        return evolve(self, busy=tuple(near))

    def with_visits(self, visits: Iterable[Appointment]) -> Diary:
        """Return the diary with more *visits* in it."""
        more = [busy_time_of(visit) for visit in visits]
        busy = sorted((*self.busy, *more), key=lambda taken: taken.span.start)
        return evolve(self, busy=tuple(busy))

    @property
    def today(self) -> date:
        """The clinic's local day."""
        return wall_clock(self.now, self.zone).date()

    def policy_of(self, doctor_id: DoctorId) -> SchedulingPolicy:
        """Return the policy for a doctor's visits."""
        return self._policies.get(doctor_id, self.policy)

    def calendar_of(self, doctor_id: DoctorId) -> Calendar:
        return self.calendars.get(doctor_id, _NO_CALENDAR)

    def working_spans(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> list[TimeSpan]:
        """
        Return when the doctor works from *first* to *last*, in order and merged.

        Time off and closed days are not taken out.
        """
        calendar = self.calendar_of(doctor_id)
        return cached_working_spans(
            calendar.weekly, calendar.dated, first, last, self.zone
        )

    def closed_spans(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> list[TimeSpan]:
        """Return the days on which the clinic is closed for the doctor."""
        dated = self.calendar_of(doctor_id).dated
        return closed_spans(self.policy, dated, first, last, self.zone)

    def time_off_spans(self, doctor_id: DoctorId) -> list[TimeSpan]:
        """Return when the doctor is off, by start."""
        time_off = self.calendar_of(doctor_id).time_off
        spans = (each.span(self.zone) for each in time_off)
        return [span for span in spans if span is not None]

    def visits_of_doctor(self, doctor_id: DoctorId) -> list[TimeSpan]:
        """Return the time that the doctor's visits hold, by start."""
        return self._by_doctor.get(doctor_id.int, [])

    def visits_of_patient(self, patient_id: PatientId) -> list[TimeSpan]:
        """Return the time that the patient's visits hold, by start."""
        return [taken.span for taken in self.busy if taken.patient_id == patient_id]

    @cached_property
    def _policies(self) -> Mapping[DoctorId, SchedulingPolicy]:
        return {
            doctor_id: self.policy.for_doctor(doctor.policy)
            for doctor_id, doctor in self.doctors.items()
        }

    @cached_property
    def _by_doctor(self) -> Mapping[int, list[TimeSpan]]:
        spans: defaultdict[int, list[TimeSpan]] = defaultdict(list)
        current: DoctorId | None = None
        nobodys: list[TimeSpan] = []
        add = nobodys.append
        for taken in self.busy:
            # A UUID is slow to look up, and the same one often comes again.
            if taken.doctor_id is not current:
                current = taken.doctor_id
                add = (nobodys if current is None else spans[current.int]).append
            add(taken.span)
        return spans


@lru_cache(maxsize=4096)
def cached_working_spans(
    weekly: tuple[WorkingHours, ...],
    dated: tuple[DatedHours, ...],
    first: date,
    last: date,
    zone: ZoneInfo,
) -> list[TimeSpan]:
    """Return what `hours.working_spans` does; not to be changed."""
    return working_spans(weekly, first, last, zone, dated)


def days_of(span: TimeSpan, zone: ZoneInfo) -> tuple[date, date]:
    """Return the local days in which *span* starts and ends."""
    last = wall_clock(span.end - timedelta(microseconds=1), zone)
    return wall_clock(span.start, zone).date(), last.date()
