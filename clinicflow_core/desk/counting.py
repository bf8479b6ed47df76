"""What some days of the clinic came to, counted from the record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.placing import FIRST_YEAR, bookable_day
from clinicflow_core.entities.appointment import HOLDING
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.figures.clinic import ClinicFigures, clinic_figures
from clinicflow_core.figures.minutes import DoctorTime
from clinicflow_core.ports import MOST_COUNTED, Counted, UnitOfWork
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.hours import merged
from clinicflow_core.scheduling.openings import free_spans
from clinicflow_core.timespan import TimeSpan

MOST_DAYS: Final = 366
"""How many days are counted together."""

USUAL_DAYS: Final = 28
"""How many days are counted if nobody says from when on."""

_DAY = timedelta(days=1)


@frozen(kw_only=True)
class FiguresRequest:
    """
    Which days are counted.

    Attributes:
        from_: The first local day; four weeks in all without.
        to: The last one; today without.
        doctor_id: Whose visits alone; everybody's without.
    """

    from_: date | None = field(default=None, validator=bookable_day)
    to: date | None = field(default=None, validator=bookable_day)
    doctor_id: DoctorId | None = None


def figures(request: FiguresRequest, uow: UnitOfWork) -> ClinicFigures:
    """
    Count what some days came to.

    A doctor counts their own visits alone.

    Raises:
        InvalidError: If *to* comes before *from*, or after more than `MOST_DAYS`, or
            if there are more than `MOST_COUNTED` visits.
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        if request.doctor_id is not None:
            uow.actor.must_see_diary(request.doctor_id)
        first, last = _days_of(request, uow.clinic.today(uow.now))
        doctor_id = request.doctor_id or own
        counted = uow.figures.read(first, last, doctor_id)
        if len(counted.visits) > MOST_COUNTED:
            detail = f"holds more than {MOST_COUNTED} visits: ask for fewer days"
            raise InvalidError((Problem("/to", detail),))
    return figures_of_days(counted, first, last, doctor_id, uow)


def figures_of_days(
    counted: Counted,
    first: date,
    last: date,
    doctor_id: DoctorId | None,
    uow: UnitOfWork,
) -> ClinicFigures:
    """
    Return the figures of what was read of the days from *first* to *last*.

    Call it when *uow* is left: counting takes a while, and in SQLite nobody else could
    write meanwhile.

    Args:
        doctor_id: Whose days alone these are; None for all doctors.
    """
    return clinic_figures(
        counted.visits,
        dict(_worked(counted, first, last, uow)),
        counted.doctors.values(),
        first=first,
        last=last,
        timezone=uow.clinic.timezone,
        now=uow.now,
        doctor_id=doctor_id,
    )


def _days_of(request: FiguresRequest, today: date) -> tuple[date, date]:
    last = request.to or max(today, request.from_ or today)
    usual = last - (USUAL_DAYS - 1) * _DAY
    first = request.from_ or max(usual, date(FIRST_YEAR, 1, 1))
    if last < first:
        raise InvalidError((Problem("/to", "must not be before from"),))
    if (last - first).days >= MOST_DAYS:
        detail = f"must be within {MOST_DAYS} days from the first"
        raise InvalidError((Problem("/to", detail),))
    return first, last


def _worked(
    counted: Counted, first: date, last: date, uow: UnitOfWork
) -> Iterator[tuple[DoctorId, DoctorTime]]:
    diary = Diary(
        zone=uow.clinic.zone,
        now=uow.now,
        policy=uow.clinic.policy,
        doctors=counted.doctors,
        patients={},
        calendars=counted.calendars,
    )
    held: defaultdict[DoctorId, list[TimeSpan]] = defaultdict(list)
    for visit in counted.visits:
        # An overbooked one too: it takes the time that it shares.
        if visit.status in HOLDING:
            held[visit.doctor_id].append(TimeSpan(visit.starts_at, visit.ends_at))
    for doctor_id in counted.doctors:
        working = diary.working_spans(doctor_id, first, last)
        closed = diary.closed_spans(doctor_id, first, last)
        lost = tuple(merged((*diary.time_off_spans(doctor_id), *closed)))
        yield (
            doctor_id,
            DoctorTime(
                offered=tuple(free_spans(working, lost)),
                held=tuple(merged(held[doctor_id])),
            ),
        )
