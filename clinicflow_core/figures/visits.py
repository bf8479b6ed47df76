"""
What visits come to: each figure is a pure function, its docstring is its definition.

A visit belongs to the local day and hour that its patient was promised.
`docs/figures.md` says the same for people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta
from typing import ClassVar

from attrs import frozen

from clinicflow_core.entities.appointment import TO_COME, IntakeStatus, Status
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.figures.rates import Rate, Share, Spread, spread_of

_MINUTE = timedelta(minutes=1)


@frozen(kw_only=True)
class CountedVisit:
    """
    What the figures look at of a visit.

    Attributes:
        date: The local day of the start, as *start_time* is its wall clock.
        booked_at: When it came into the record; moving it later changes nothing.
        completed_at: When somebody noted that it took place; None if nobody did, or
            if it was imported as completed.
        cancelled_late: Whether it stands cancelled, and that came after the clinic's
            cut-off.
        awaits_signature: Whether it has a summary that is made and that nobody signed.
    """

    id: AppointmentId
    doctor_id: DoctorId
    patient_id: PatientId
    date: date
    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime
    status: Status
    intake_status: IntakeStatus
    booked_at: datetime
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_late: bool = False
    awaits_signature: bool = False


@frozen(kw_only=True)
class StatusCounts:
    """Visits by status."""

    unconfirmed: int
    confirmed: int
    completed: int
    no_show: int
    cancelled: int

    __computed__: ClassVar[tuple[str, ...]] = ("booked",)

    @property
    def booked(self) -> int:
        """All of them: whatever became of it, each was booked."""
        return sum(
            (
                self.unconfirmed,
                self.confirmed,
                self.completed,
                self.no_show,
                self.cancelled,
            )
        )


@frozen(kw_only=True)
class DueVisits:
    """
    Visits whose start has passed and that were not cancelled, by what became of them.

    Attributes:
        open: Still unconfirmed or confirmed: nobody has said what became of them.
    """

    completed: int
    no_show: int
    open: int

    __computed__: ClassVar[tuple[str, ...]] = ("due", "no_shows")

    @property
    def due(self) -> int:
        """All of them."""
        return self.completed + self.no_show + self.open

    @property
    def no_shows(self) -> Rate:
        """No-shows over due visits, open ones included."""
        return Rate(self.no_show, self.due)


@frozen(kw_only=True)
class Cancellations:
    """Visits that stand cancelled, and how many of them came too late."""

    booked: int
    cancelled: int
    late: int

    __computed__: ClassVar[tuple[str, ...]] = (
        "cancelled_of_booked",
        "late_of_cancelled",
        "late_of_booked",
    )

    @property
    def cancelled_of_booked(self) -> Rate:
        """Cancelled visits over all that were booked."""
        return Rate(self.cancelled, self.booked)

    @property
    def late_of_cancelled(self) -> Rate:
        """Late cancellations over all cancellations."""
        return Rate(self.late, self.cancelled)

    @property
    def late_of_booked(self) -> Rate:
        """Late cancellations over all visits that were booked."""
        return Rate(self.late, self.booked)


@frozen(kw_only=True)
class Arrivals:
    """
    When patients came, and how long they stayed.

    Attributes:
        noted: Completed visits whose arrival was noted, over completed visits: how
            much the rest can be trusted.
        on_time: Patients who came at the start or before, over all who came.
        late_minutes: From start to arrival; negative for who came early.
        stay_minutes: From arrival to completion: wait and visit together, as the
            record does not know when the doctor began.
    """

    noted: Share
    on_time: Rate
    late_minutes: Spread
    stay_minutes: Spread


@frozen(kw_only=True)
class LeadTimes:
    """
    How long before their start visits were booked.

    Attributes:
        minutes: From booking to start.
        entered_late: Visits that were booked after their start, as imported ones; they
            have no lead time.
    """

    minutes: Spread
    entered_late: int


@frozen(kw_only=True)
class IntakeProgress:
    """Where the intake forms stand of visits that are due or to come."""

    missing: int
    sent: int
    completed: int

    __computed__: ClassVar[tuple[str, ...]] = ("completion",)

    @property
    def completion(self) -> Rate:
        """Completed forms over visits that are due or to come."""
        return Rate(self.completed, self.missing + self.sent + self.completed)


def visits_by_status(visits: Iterable[CountedVisit]) -> StatusCounts:
    """
    Count visits by where they stand now.

    A visit that was moved counts once, on its last day; one that was cancelled and
    reinstated counts as it stands.
    """
    by_status = Counter(visit.status for visit in visits)
    return StatusCounts(
        unconfirmed=by_status[Status.UNCONFIRMED],
        confirmed=by_status[Status.CONFIRMED],
        completed=by_status[Status.COMPLETED],
        no_show=by_status[Status.NO_SHOW],
        cancelled=by_status[Status.CANCELLED],
    )


def due_visits(visits: Iterable[CountedVisit], now: datetime) -> DueVisits:
    """
    Count the visits that are due: the start has passed, and they were not cancelled.

    Those that are still unconfirmed or confirmed are open, and count among the due
    ones: the rate of no-shows is the lowest that it can be until they are settled.
    """
    due: Counter[Status] = Counter(
        visit.status
        for visit in visits
        if visit.starts_at <= now and visit.status is not Status.CANCELLED
    )
    return DueVisits(
        completed=due[Status.COMPLETED],
        no_show=due[Status.NO_SHOW],
        open=sum(due[status] for status in TO_COME),
    )


def cancellations(visits: Collection[CountedVisit]) -> Cancellations:
    """
    Count the visits that stand cancelled, whoever cancelled them.

    One is late if it came after the clinic's cut-off, as that was then, or after the
    start. A no-show is none.
    """
    return Cancellations(
        booked=len(visits),
        cancelled=sum(visit.status is Status.CANCELLED for visit in visits),
        late=sum(visit.cancelled_late for visit in visits),
    )


def arrivals(visits: Collection[CountedVisit]) -> Arrivals:
    """
    Count when patients came, over all visits with an arrival.

    Minutes are whole ones, rounded down: half a minute late is 0, half a minute early
    is -1. On time is whoever came at the start or before. A stay needs a completion
    that was noted; if that is done late, the stay is too long.
    """
    completed = [visit for visit in visits if visit.status is Status.COMPLETED]
    came = [(v, v.arrived_at) for v in visits if v.arrived_at is not None]
    return Arrivals(
        noted=Share(
            sum(visit.arrived_at is not None for visit in completed), len(completed)
        ),
        on_time=Rate(sum(at <= visit.starts_at for visit, at in came), len(came)),
        late_minutes=spread_of((at - visit.starts_at) // _MINUTE for visit, at in came),
        stay_minutes=spread_of(
            (visit.completed_at - at) // _MINUTE
            for visit, at in came
            if visit.completed_at is not None
        ),
    )


def lead_times(visits: Collection[CountedVisit]) -> LeadTimes:
    """
    Count how long before their start visits were booked, whatever became of them.

    It is from when the visit came into the record to its start as it is now, in whole
    minutes, rounded down. One that came after its start has none.
    """
    ahead = [visit for visit in visits if visit.booked_at <= visit.starts_at]
    return LeadTimes(
        minutes=spread_of((v.starts_at - v.booked_at) // _MINUTE for v in ahead),
        entered_late=len(visits) - len(ahead),
    )


def intake_progress(visits: Iterable[CountedVisit]) -> IntakeProgress:
    """Count where the forms stand of all visits but cancelled ones."""
    forms = Counter(
        visit.intake_status for visit in visits if visit.status is not Status.CANCELLED
    )
    return IntakeProgress(
        missing=forms[IntakeStatus.MISSING],
        sent=forms[IntakeStatus.SENT],
        completed=forms[IntakeStatus.COMPLETED],
    )


def awaiting_signature(visits: Iterable[CountedVisit]) -> int:
    """
    Count the visits whose summary is made and not signed, whatever became of them.

    One that is still being made, or that another one has replaced, does not count.
    """
    return sum(visit.awaits_signature for visit in visits)
