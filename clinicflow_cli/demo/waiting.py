"""Who waits for a time that comes free, and who gets one."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_cli.demo.opening import minutes_before
from clinicflow_cli.demo.plan import Fate, Plan
from clinicflow_cli.demo.staff import DOCTOR
from clinicflow_cli.demo.stage import Stage
from clinicflow_core.desk import waitlist
from clinicflow_core.entities.appointment import (
    CancellationType,
    VisitCategory,
    VisitType,
)

# By then, in minutes of opening until now, somebody cancels: the first time that comes
# free is accepted, the second one is still offered.
_COME_FREE = (125, 35)
_NOT_NEEDED = (CancellationType.PATIENT_CANCELLED, "No longer needs the visit.")
_MINUTES = 30

_FROM = timedelta(days=2)
_TO = timedelta(days=12)


@frozen(kw_only=True)
class _Waiting:
    """
    Somebody who waits.

    Attributes:
        doctor: With whom; empty for anybody.
        patient: Which of the doctor's spare patients, or of Dr. Chen's.
        joins: How long ago, in minutes of opening; so are *accepts* and *withdraws*.
    """

    doctor: str
    patient: int
    joins: int
    accepts: int | None = None
    withdraws: int | None = None
    note: str = field(repr=False)
    duration: int = _MINUTES
    urgent: bool = False
    earliest: time | None = None


# Nobody of these is in the way of those to whom something is offered.
_LIST = (
    _Waiting(
        doctor="lindqvist",
        patient=1,
        joins=145,
        urgent=True,
        duration=45,
        note="Before the operation on the hip; can come at an hour's notice.",
    ),
    _Waiting(
        doctor=DOCTOR,
        patient=3,
        joins=140,
        accepts=70,
        note="Would come sooner about the test results.",
    ),
    _Waiting(
        doctor="okafor",
        patient=1,
        joins=130,
        withdraws=90,
        note="Any day after kindergarten.",
    ),
    _Waiting(
        doctor="okafor",
        patient=2,
        joins=100,
        earliest=time(13),
        note="After school only.",
    ),
    _Waiting(
        doctor=DOCTOR,
        patient=4,
        joins=60,
        note="Call the daughter: she drives.",
    ),
    _Waiting(
        doctor="",
        patient=5,
        joins=20,
        duration=15,
        note="A signature for the insurance, with whoever has a moment.",
    ),
)


def give_way(plan: Plan, now: datetime, zone: ZoneInfo) -> Plan:
    """Return the plan with visits of Dr. Chen cancelled, for others to have them."""
    kept = sorted(
        (visit.start, number)
        for number, visit in enumerate(plan.visits)
        if visit.doctor == DOCTOR
        and visit.fate is Fate.KEPT
        and visit.form is None
        and visit.minutes == _MINUTES
        and visit.day >= _FROM.days
    )
    visits = list(plan.visits)
    for (_, number), ago in zip(kept, _COME_FREE, strict=False):
        visits[number] = evolve(
            visits[number],
            fate=Fate.CANCELLED_EARLY,
            settled=minutes_before(now, ago, zone),
            reason=_NOT_NEEDED,
        )
    return evolve(plan, visits=tuple(visits))


def expect(plan: Plan, now: datetime, stage: Stage) -> None:
    """Let those who wait join the waitlist, in the hours before *now*."""
    for who in _LIST:
        patient = plan.spare[who.doctor or DOCTOR][who.patient]
        joined = minutes_before(now, who.joins, stage.staff.clinic.zone)
        stage.at(joined, partial(_join, who, patient, now, stage))


def _join(who: _Waiting, patient: str, now: datetime, stage: Stage) -> None:
    staff = stage.staff
    today = staff.clinic.today(now)
    request = waitlist.JoinWaitlist(
        patient_id=staff.patients[patient].id,
        doctor_id=staff.doctors[who.doctor].id if who.doctor else None,
        duration=who.duration,
        visit_type=VisitType.IN_CLINIC,
        visit_category=VisitCategory.FOLLOW_UP,
        first_date=today + _FROM,
        last_date=today + _TO,
        earliest=who.earliest,
        urgent=who.urgent,
        note=who.note,
    )
    entry = waitlist.join(request, staff.reception)
    for ago, act in (
        (who.accepts, waitlist.accept),
        (who.withdraws, waitlist.withdraw),
    ):
        if ago is not None:
            moment = minutes_before(now, ago, staff.clinic.zone)
            stage.at(moment, partial(act, entry.id, staff.reception))
