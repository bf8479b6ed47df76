"""
How the plan of the fortnight is made.

It depends on the day and on chance alone, not on the time of day: the same day told
later is the same one, further on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import cycle
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from clinicflow_cli.demo.opening import HOURS, minutes_before, opening
from clinicflow_cli.demo.plan import (
    AWAY,
    DAYS,
    Fate,
    FormFate,
    Plan,
    PlannedForm,
    PlannedVisit,
    WeeklyVisits,
)
from clinicflow_cli.demo.staff import DOCTOR, shipped
from clinicflow_core.entities.appointment import (
    CancellationType,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.patient import Patient
from clinicflow_core.timespan import TimeSpan, first_instant_from, minutes_of

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LAST_MINUTES = 30
_LONGEST_LEAD = 14

_BORN = {"okafor": (2008, 9999), "lindqvist": (0, 1969), DOCTOR: (1970, 2007)}
"""Who sees whom: the first and the last year of birth."""

_MINUTES = {
    "chen": (30, 15, 30, 45),
    "okafor": (15, 30, 15, 30),
    "lindqvist": (30, 45, 30),
}
_SQUEEZED_IN_AT = time(11)
_SQUEEZED_IN_MINUTES = 15
_SPARE = 6
_WAITS = 6
"""How many minutes somebody has been waiting already."""

_FATES = (
    *[Fate.KEPT] * 22,
    Fate.FORGOTTEN,
    *[Fate.MISSED, Fate.CANCELLED_EARLY, Fate.CANCELLED_LATE, Fate.MOVED] * 2,
)
_FORMS_SO_FAR = (
    *[FormFate.SIGNED] * 5,
    FormFate.REVIEWED,
    FormFate.SUBMITTED,
    *[FormFate.SENT] * 3,
    *[None] * 12,
)
_FORMS_TO_COME = (FormFate.SUBMITTED, *[FormFate.SENT] * 3, *[None] * 6)

_EARLY_REASONS = (
    (CancellationType.PATIENT_CANCELLED, "Is out of town that week."),
    (CancellationType.PATIENT_CANCELLED, "Feels better and would rather wait."),
    (CancellationType.CLINIC_CANCELLED, "The ultrasound machine is being repaired."),
    (CancellationType.RESCHEDULED_EXTERNALLY, "Was seen at the hospital meanwhile."),
    (CancellationType.OTHER, "Was booked twice by mistake."),
    (CancellationType.PATIENT_CANCELLED, "The new job gives no time off yet."),
)
_LATE_REASONS = (
    (CancellationType.PATIENT_CANCELLED, "Nobody to look after the baby."),
    (CancellationType.PATIENT_CANCELLED, "The car would not start."),
    (CancellationType.PATIENT_CANCELLED, "Woke up with a fever."),
    (CancellationType.OTHER, "The bus is on strike."),
)
_SQUEEZED_IN = {
    0: "Fever since last night; Dr. Chen will look in between two visits.",
    -3: "Stitches come out today, five minutes are enough.",
}


@frozen(kw_only=True)
class _Case:
    """Somebody who is to be seen in the demo; see forms.toml."""

    doctor: str
    patient: str
    day: int
    fate: FormFate
    answers: Mapping[str, Any]
    edit: str


@frozen(kw_only=True)
class _Slot:
    """A time of a doctor for one visit; *start* by the wall clock."""

    doctor: str
    day: int
    start: datetime
    minutes: int
    is_last: bool


@frozen
class _Agreement:
    """
    What follows the booking of a visit; see `PlannedVisit`.

    Attributes:
        booked_by: The last day on which it can have been booked.
    """

    booked_by: int
    settled: datetime | None = None
    reason: tuple[CancellationType, str] | None = None


def make_plan(
    today: date, zone: ZoneInfo, everybody: Iterable[Patient], rng: Random
) -> Plan:
    """Return the fortnight around *today* for the patients of the demo."""
    with shipped("forms.toml") as stream:
        told = tomllib.load(stream)
    cases = [
        _Case(
            doctor=case["doctor"],
            patient=case["patient"],
            day=case["day"],
            fate=FormFate(case["fate"]),
            answers=case.get("answers", {}),
            edit=case.get("edit", ""),
        )
        for case in told["case"]
    ]
    cast = {case.patient for case in cases}
    panels = {
        doctor: _shuffled(
            (
                patient.full_name
                for patient in everybody
                if patient.full_name not in cast
                and patient.date_of_birth is not None
                and first <= patient.date_of_birth.year <= last
            ),
            rng,
        )
        for doctor, (first, last) in _BORN.items()
    }
    spare = {doctor: panel[:_SPARE] for doctor, panel in panels.items()}
    weekly = tuple(_weekly(today, spare))
    planner = _Planner(today, zone, rng, told["routine"])
    slots = [
        slot
        for day in DAYS
        for doctor in HOURS
        for slot in planner.slots(doctor, day, weekly)
    ]
    by_slot = _casting(slots, cases)
    regulars = {doctor: cycle(panel[_SPARE:]) for doctor, panel in panels.items()}
    visits = [
        planner.with_form(slot, by_slot[slot])
        if slot in by_slot
        else planner.regular(slot, next(regulars[slot.doctor]))
        for slot in slots
    ]
    visits += planner.squeezed_in(visits, spare[DOCTOR][1:])
    return Plan(visits=tuple(visits), weekly=weekly, spare=spare)


def with_somebody_there(plan: Plan, now: datetime) -> Plan:
    """
    Return the plan with somebody waiting at *now*, while the clinic is open.

    That is whoever comes next, so much earlier; at the very end of a day it is
    whoever was last, so much longer.
    """
    today = [
        (visit.span, number)
        for number, visit in enumerate(plan.visits)
        if visit.day == 0 and visit.fate in (Fate.KEPT, Fate.MOVED)
    ]
    visits = list(plan.visits)
    if ahead := [(span.start, number) for span, number in today if span.start > now]:
        start, number = min(ahead)
        early = max(visits[number].early, (start - now) // _MINUTE + _WAITS)
        visits[number] = evolve(visits[number], early=early)
    for span, number in today:
        if span.start <= now < span.end:
            visit = visits[number]
            visits[number] = evolve(
                visit, early=max(visit.early, 1), over=max(visit.over, 1)
            )
    return evolve(plan, visits=tuple(visits))


class _Planner:
    """What the parts of a plan have in common: the day, and chance."""

    def __init__(
        self,
        today: date,
        zone: ZoneInfo,
        rng: Random,
        routines: Sequence[Mapping[str, Any]],
    ) -> None:
        self._today = today
        self._zone = zone
        self._rng = rng
        self._fates = self._dealt(_FATES)
        self._forms_so_far = self._dealt(_FORMS_SO_FAR)
        self._forms_to_come = self._dealt(_FORMS_TO_COME)
        self._early_reasons = self._dealt(_EARLY_REASONS)
        self._late_reasons = self._dealt(_LATE_REASONS)
        self._routines = {
            doctor: self._dealt(
                [each["answers"] for each in routines if each["doctor"] == doctor]
            )
            for doctor in HOURS
        }

    def slots(
        self, doctor: str, day: int, weekly: Sequence[WeeklyVisits]
    ) -> Iterator[_Slot]:
        """Yield the times of a doctor's day; each stretch of work ends with one."""
        on = self._today + day * _DAY
        taken = any(each.is_on(doctor, day) for each in weekly)
        for start, end in HOURS[doctor].get(on.weekday(), ()):
            moment = datetime.combine(on, start) + timedelta(minutes=30 * taken)
            taken = False
            last = datetime.combine(on, end) - timedelta(minutes=_LAST_MINUTES)
            while moment <= last:
                moment += timedelta(minutes=self._rng.choice(_pauses(day)))
                minutes = self._rng.choice(_MINUTES[doctor])
                if moment + timedelta(minutes=minutes) > last:
                    moment, minutes = last, _LAST_MINUTES
                slot = _Slot(
                    doctor=doctor,
                    day=day,
                    start=moment,
                    minutes=minutes,
                    is_last=moment == last,
                )
                moment += timedelta(minutes=minutes)
                if not any(
                    away.doctor == doctor
                    and away.takes(day, slot.start.time(), moment.time())
                    for away in AWAY
                ):
                    yield slot

    def regular(self, slot: _Slot, patient: str) -> PlannedVisit:
        """Return the visit of somebody whom the demo does not point at."""
        fate = next(self._fates)
        if slot.day == 0 and (slot.is_last or fate is Fate.FORGOTTEN):
            # While the clinic is open somebody is there, or comes next.
            fate = Fate.KEPT
        visit = self._visit(slot, patient, fate)
        if fate is not Fate.KEPT or slot.day > 3:
            return visit
        form_fate = next(self._forms_so_far if slot.day <= 0 else self._forms_to_come)
        if form_fate is None:
            return visit
        answers = next(self._routines[slot.doctor])
        form = self._form(form_fate, slot.day, answers)
        return evolve(visit, form=form, booked=self._before(visit.booked, form))

    def with_form(self, slot: _Slot, case: _Case) -> PlannedVisit:
        """Return the visit of somebody whose form can be looked at."""
        form = self._form(case.fate, case.day, case.answers)
        form = evolve(form, edit=case.edit, is_told=case.doctor == DOCTOR)
        visit = self._visit(slot, case.patient, Fate.KEPT)
        return evolve(visit, form=form, booked=self._before(visit.booked, form))

    def squeezed_in(
        self, visits: Sequence[PlannedVisit], patients: Iterable[str]
    ) -> Iterator[PlannedVisit]:
        """Yield short visits that stand beside others on purpose."""
        for (day, why), patient in zip(_SQUEEZED_IN.items(), patients, strict=False):
            noon = datetime.combine(self._today + day * _DAY, _SQUEEZED_IN_AT)
            beside = min(
                (
                    visit
                    for visit in visits
                    if (visit.doctor, visit.day) == (DOCTOR, day)
                    and visit.fate is Fate.KEPT
                ),
                key=lambda visit: abs(visit.start - noon),
            )
            start = beside.span.start
            evening = opening(self._today + (day - 1) * _DAY, self._zone).end
            yield evolve(
                beside,
                patient=patient,
                span=TimeSpan(start, start + timedelta(minutes=_SQUEEZED_IN_MINUTES)),
                visit_type=VisitType.IN_CLINIC,
                category=VisitCategory.FOLLOW_UP,
                booked=minutes_before(evening, 40, self._zone),
                settled=None,
                early=3,
                squeezed_in=why,
                form=None,
            )

    def _visit(self, slot: _Slot, patient: str, fate: Fate) -> PlannedVisit:
        rng = self._rng
        start = first_instant_from(slot.start, self._zone)
        agreed = self._agreement(slot, start, fate)
        lead = rng.randint(1, _LONGEST_LEAD)
        return PlannedVisit(
            doctor=slot.doctor,
            patient=patient,
            day=slot.day,
            start=slot.start,
            span=TimeSpan(start, start + timedelta(minutes=slot.minutes)),
            visit_type=(
                VisitType.VIRTUAL if rng.random() < 0.15 else VisitType.IN_CLINIC
            ),
            category=(
                VisitCategory.NEW_PATIENT
                if slot.minutes == 45 or rng.random() < 0.1
                else VisitCategory.FOLLOW_UP
            ),
            fate=fate,
            booked=self._at_work(min(slot.day - lead, agreed.booked_by)),
            settled=agreed.settled,
            reason=agreed.reason,
            early=rng.choice((-6, 2, 4, 5, 7, 8, 10, 12, 14)),
            over=rng.randint(-3, 8),
        )

    def _agreement(self, slot: _Slot, start: datetime, fate: Fate) -> _Agreement:
        """
        Return what is agreed on about a visit after it was booked.

        What is to come was booked, cancelled and moved the day before yesterday or
        earlier: in the hours until now, time comes free for the waitlist alone.
        """
        before = min(slot.day, -1) - 1
        if fate is Fate.CANCELLED_EARLY:
            before = min(slot.day, 0) - 2
            reason = next(self._early_reasons)
            return _Agreement(before - 1, self._at_work(before), reason)
        if fate is Fate.MOVED:
            return _Agreement(before - 1, self._at_work(before))
        if fate is Fate.CANCELLED_LATE:
            called = start - timedelta(minutes=self._rng.randint(120, 360))
            settled = minutes_before(called, 0, self._zone)
            return _Agreement(before, settled, next(self._late_reasons))
        if self._rng.random() < (0.75 if slot.day <= 1 else 0.35):
            return _Agreement(before, self._at_work(min(slot.day, 0) - 1))
        return _Agreement(before)

    def _form(
        self, fate: FormFate, day: int, answers: Mapping[str, Any]
    ) -> PlannedForm:
        evening = datetime.combine(
            self._today + (min(day, 1) - 2) * _DAY, time(19)
        ) + timedelta(minutes=self._rng.randint(0, 170))
        return PlannedForm(
            fate=fate,
            answers=answers,
            sent=self._at_work(min(day, 1) - 3),
            answered=first_instant_from(evening, self._zone),
            read=self._at_work(min(day, 0) - 1),
        )

    def _before(self, booked: datetime, form: PlannedForm) -> datetime:
        if booked < form.sent:
            return booked
        return minutes_before(form.sent, 60 * self._rng.randint(3, 30), self._zone)

    def _at_work(self, day: int) -> datetime:
        """Return a moment of a day at which somebody answers the telephone."""
        span = opening(self._today + day * _DAY, self._zone)
        minutes = self._rng.randrange(minutes_of(span))
        return span.start + timedelta(minutes=minutes)

    def _dealt(self, cards: Iterable[Any]) -> Iterator[Any]:
        """Yield *cards* over and over, each time in another order."""
        cards = list(cards)
        while True:
            yield from _shuffled(cards, self._rng)


def _weekly(today: date, spare: Mapping[str, Sequence[str]]) -> Iterator[WeeklyVisits]:
    # The last of Dr. Okafor's falls into her time off.
    for doctor, days, count in ((DOCTOR, (-13,), 5), ("okafor", (-11, -12), 4)):
        week = HOURS[doctor]
        first_day = next(d for d in days if (today + d * _DAY).weekday() in week)
        first_date = today + first_day * _DAY
        yield WeeklyVisits(
            doctor=doctor,
            patient=spare[doctor][0],
            first_day=first_day,
            first_date=first_date,
            start=week[first_date.weekday()][0][0],
            count=count,
        )


def _casting(slots: Sequence[_Slot], cases: Iterable[_Case]) -> Mapping[_Slot, _Case]:
    """Give each case a time on its day or the next one that has any, spread over it."""
    by_day: dict[tuple[str, int], list[_Slot]] = {}
    for slot in slots:
        by_day.setdefault((slot.doctor, slot.day), []).append(slot)
    due: dict[tuple[str, int], list[_Case]] = {}
    for case in cases:
        day = next(d for d in DAYS if d >= case.day and (case.doctor, d) in by_day)
        due.setdefault((case.doctor, day), []).append(case)
    return {
        by_day[key][(2 * number + 1) * len(by_day[key]) // (2 * len(some))]: case
        for key, some in due.items()
        for number, case in enumerate(some)
    }


def _pauses(day: int) -> Sequence[int]:
    """Return how many minutes may be free between two visits of a day."""
    if day == 0:
        return (0, 0, 15, 0, 30)
    if day < 0:
        return (0, 30, 45, 60)
    return (15, 30, 60) if day <= 3 else (60, 90, 120, 180)


def _shuffled(items: Iterable[Any], rng: Random) -> tuple[Any, ...]:
    shuffled = list(items)
    rng.shuffle(shuffled)
    return tuple(shuffled)
