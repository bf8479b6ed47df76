"""What the desk does with the visits of the plan."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from clinicflow_cli.demo import forms
from clinicflow_cli.demo.plan import Fate, PlannedVisit, WeeklyVisits
from clinicflow_cli.demo.staff import DOCTOR
from clinicflow_cli.demo.stage import Stage
from clinicflow_core.desk import booking, series
from clinicflow_core.entities.appointment import VisitCategory, VisitType
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.timespan import TimeSpan

_LATER = timedelta(days=21)
"""How much later a visit that is moved was at first: beyond the plan."""

_MINUTE = timedelta(minutes=1)


def expect(planned: PlannedVisit, stage: Stage) -> None:
    """Let a visit be booked when it is time, and what follows follow."""
    stage.at(planned.booked, partial(_book, planned, stage))


def expect_weekly(planned: WeeklyVisits, booked: datetime, stage: Stage) -> None:
    """Let visits that repeat be booked at *booked*, and take place."""
    stage.at(booked, partial(_book_weekly, planned, stage))


def _book(planned: PlannedVisit, stage: Stage) -> None:
    desk = stage.staff.reception
    start = planned.start + (_LATER if planned.fate is Fate.MOVED else timedelta())
    is_virtual = planned.visit_type is VisitType.VIRTUAL
    wanted = booking.BookAppointment(
        doctor_id=stage.staff.doctors[planned.doctor].id,
        patient_id=stage.staff.patients[planned.patient].id,
        date=start.date(),
        start_time=start.time(),
        duration=planned.minutes,
        visit_type=planned.visit_type,
        visit_category=planned.category,
        meeting_link=(
            f"https://meet.demo.example/{planned.doctor}" if is_virtual else None
        ),
        override=(
            booking.OverrideRequest(reason=planned.squeezed_in)
            if planned.squeezed_in
            else None
        ),
    )
    visit = booking.book(wanted, desk)
    if planned.form is not None:
        forms.expect(planned.form, planned, visit, stage)
    if planned.settled is not None:
        stage.at(planned.settled, partial(_settle, planned, visit.id, stage))
    if planned.fate in (Fate.KEPT, Fate.MOVED):
        early, over = planned.early, planned.over
        _take_place(planned.doctor, planned.span, early, over, visit.id, stage)
    elif planned.fate is Fate.MISSED:
        given_up = planned.span.start + 20 * _MINUTE
        stage.at(given_up, partial(booking.no_show, visit.id, desk))


def _settle(planned: PlannedVisit, visit_id: AppointmentId, stage: Stage) -> None:
    """Cancel or move a visit, or let the patient confirm it."""
    desk = stage.staff.reception
    if planned.reason is not None:
        kind, note = planned.reason
        why = booking.CancelAppointment(cancellation_type=kind, reason_note=note)
        booking.cancel(visit_id, why, desk)
        return
    if planned.fate is Fate.MOVED:
        sooner = booking.RescheduleAppointment(
            date=planned.start.date(), start_time=planned.start.time()
        )
        booking.reschedule(visit_id, sooner, desk)
    booking.confirm(visit_id, desk)


def _book_weekly(planned: WeeklyVisits, stage: Stage) -> None:
    desk = stage.staff.reception
    wanted = series.BookSeries(
        doctor_id=stage.staff.doctors[planned.doctor].id,
        patient_id=stage.staff.patients[planned.patient].id,
        date=planned.first_date,
        start_time=planned.start,
        duration=30,
        rrule=f"FREQ=WEEKLY;COUNT={planned.count}",
        visit_type=VisitType.IN_CLINIC,
        visit_category=VisitCategory.FOLLOW_UP,
    )
    for visit in series.book(wanted, desk).appointments:
        reminded = visit.starts_at - timedelta(days=2)
        stage.at(reminded, partial(booking.confirm, visit.id, desk))
        _take_place(planned.doctor, visit.span, 6, 2, visit.id, stage)


def _take_place(
    doctor: str,
    span: TimeSpan,
    early: int,
    over: int,
    visit_id: AppointmentId,
    stage: Stage,
) -> None:
    """Let a patient arrive so many minutes early, and leave so many too late."""
    staff = stage.staff
    in_charge = staff.doctor if doctor == DOCTOR else staff.reception
    arrived = partial(booking.arrive, visit_id, staff.reception)
    completed = partial(booking.complete, visit_id, in_charge)
    stage.at(span.start - early * _MINUTE, arrived)
    stage.at(span.end + over * _MINUTE, completed)
