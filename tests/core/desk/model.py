"""
A clinic as minutes and plain lists, to hold the desk against.

Minutes are counted from the start of a Monday, day 0, on clocks that never change.
Nothing here knows ClinicFlow: what is open, taken, free and waited for is found by
looking at every minute or at every start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import define, field, frozen

A_DAY = 24 * 60
FIRST_DAY, LAST_DAY = -2, 16
"""Between them lies all that anybody looks at."""

AROUND = 7
"""How many days before and after a refused time others are named."""

STANDS = ("unconfirmed", "confirmed", "completed")
TO_COME = ("unconfirmed", "confirmed")
AWAY = ("outside-hours", "time-off", "closed-day")

Stretches = Sequence[tuple[int, int]]
"""Minutes of a day from which and up to which; beyond 1440 they are of the next."""


@define(eq=False)
class Visit:
    doctor: int
    patient: int
    start: int
    minutes: int
    status: str = "unconfirmed"
    arrived: bool = False
    accepted: tuple[str, ...] = ()
    series: Any = None
    events: list[str] = field(factory=list)

    @property
    def time(self) -> range:
        return range(self.start, self.start + self.minutes)

    @property
    def place(self) -> tuple[int, int, int]:
        return self.doctor, self.start, self.minutes

    @property
    def holds_doctor(self) -> bool:
        return self.status in STANDS and "doctor-busy" not in self.accepted

    @property
    def holds_patient(self) -> bool:
        return self.status in STANDS and "patient-busy" not in self.accepted

    def move(self, doctor: int, start: int, minutes: int) -> None:
        self.doctor, self.start, self.minutes = doctor, start, minutes


@define(eq=False)
class Offer:
    """
    A time that is held for somebody.

    Attributes:
        id: Unknown until it is seen at the desk.
    """

    doctor: int
    start: int
    minutes: int
    expires: int
    id: Any = None

    @property
    def time(self) -> range:
        return range(self.start, self.start + self.minutes)


@define(eq=False)
class Entry:
    """
    Somebody on the waitlist.

    Attributes:
        days: The first and the last that suit.
        weekdays: Those that suit; all if there are none.
        earliest: A minute of the day, as is *latest*.
        offered: What ever was offered, by doctor and start.
    """

    id: Any
    patient: int
    doctor: int | None
    minutes: int
    days: tuple[int, int]
    weekdays: frozenset[int]
    earliest: int | None
    latest: int | None
    urgent: bool
    joined: int
    status: str = "waiting"
    offer: Offer | None = None
    offered: set[tuple[int, int]] = field(factory=set)
    events: list[str] = field(factory=lambda: ["joined"])

    @property
    def rank(self) -> tuple[bool, int, str]:
        return not self.urgent, self.joined, str(self.id)

    def suits(self, start: int) -> bool:
        day, minute = divmod(start, A_DAY)
        end = minute + self.minutes
        return (
            (not self.weekdays or day % 7 in self.weekdays)
            and (self.earliest is None or minute >= self.earliest)
            and (self.latest is None or end <= self.latest)
        )


@frozen
class Taken:
    """Time that somebody holds; of a doctor, of a patient, or of both."""

    doctor: int | None
    patient: int | None
    time: range


def meet(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def runs(minutes: Iterable[int]) -> Iterator[range]:
    """Yield the stretches of minutes that follow each other without a gap."""
    start = last = None
    for minute in sorted(minutes):
        if start is None:
            start = minute
        elif minute != last + 1:
            yield range(start, last + 1)
            start = minute
        last = minute
    if start is not None:
        yield range(start, last + 1)


class Model:
    """What the clinic should be like after all that was done so far."""

    def __init__(self, weeks: Sequence[Callable[[int], Stretches]], now: int) -> None:
        """
        Args:
            weeks: For each doctor the stretches of each weekday.
        """
        self.now = now
        self.doctors = range(len(weeks))
        self.week = list(weeks)
        self.dated: list[dict[int, Stretches]] = [{} for _ in weeks]
        self.off: dict[Any, tuple[int, range]] = {}
        self.policy: dict[str, Any] = {}
        self.own: list[dict[str, Any]] = [{} for _ in weeks]
        self.visits: dict[Any, Visit] = {}
        self.entries: dict[Any, Entry] = {}
        self._open: dict[int, set[int]] = {}

    # When doctors work.

    def asks(self, doctor: int, what: str, default: Any = 0) -> Any:
        """Return what the doctor's policy says, or else the clinic's."""
        return self.own[doctor].get(what, self.policy.get(what, default))

    def gap(self, doctor: int) -> int:
        return max(self.asks(doctor, "before"), self.asks(doctor, "after"))

    def work_of(self, doctor: int, day: int) -> set[int]:
        """Return the minutes of the work that begins on *day*."""
        stretches = self.dated[doctor].get(day, self.week[doctor](day % 7))
        return {
            day * A_DAY + minute
            for first, last in stretches
            for minute in range(first, last)
        }

    def open(self, doctor: int) -> set[int]:
        """Return the minutes in which the doctor works, by the hours alone."""
        if doctor not in self._open:
            days = range(FIRST_DAY, LAST_DAY + 1)
            self._open[doctor] = set().union(*(self.work_of(doctor, d) for d in days))
        return self._open[doctor]

    def set_week(self, doctor: int, week: Callable[[int], Stretches]) -> None:
        self._change_hours(doctor, lambda: self.week.__setitem__(doctor, week))

    def set_day(self, doctor: int, day: int, stretches: Stretches | None) -> None:
        def change() -> None:
            self.dated[doctor].pop(day, None)
            if stretches is not None:
                self.dated[doctor][day] = stretches

        self._change_hours(doctor, change)

    def _change_hours(self, doctor: int, change: Callable[[], None]) -> None:
        before = self.open(doctor)
        change()
        del self._open[doctor]
        self.come_free(doctor, self.open(doctor) - before)

    def give_time_off_back(self, key: Any) -> None:
        doctor, time = self.off.pop(key)
        self.come_free(doctor, set(time))

    # What stands against a visit.

    def taken(self, ignoring: Any = None) -> Iterator[Taken]:
        for key, visit in self.visits.items():
            if key != ignoring:
                yield Taken(
                    visit.doctor if visit.holds_doctor else None,
                    visit.patient if visit.holds_patient else None,
                    visit.time,
                )
        for entry in self.entries.values():
            if entry.offer and self.now < entry.offer.expires:
                yield Taken(entry.offer.doctor, entry.patient, entry.offer.time)

    def overlaps(
        self, doctor: int, patient: int, time: range, ignoring: Any = None
    ) -> list[str]:
        taken = [each for each in self.taken(ignoring) if meet(each.time, time)]
        return ["doctor-busy" for each in taken if each.doctor == doctor] + [
            "patient-busy" for each in taken if each.patient == patient
        ]

    def away(self, doctor: int, time: range) -> list[str]:
        closed = self.policy.get("closed", ())
        return (
            ["outside-hours"] * (not self.open(doctor).issuperset(time))
            + [
                "time-off"
                for d, off in self.off.values()
                if d == doctor and meet(off, time)
            ]
            + ["closed-day" for day in closed if meet(self.day(day), time)]
        )

    def against(
        self, doctor: int, patient: int, start: int, minutes: int, ignoring: Any = None
    ) -> list[str]:
        """Return all that stands against a visit, by its kind."""
        time = range(start, start + minutes)
        others = [e.time for e in self.taken(ignoring) if e.doctor == doctor]
        gap = self.gap(doctor)
        near = range(time.start - gap, time.stop + gap)
        limit = self.asks(doctor, "limit", None)
        soonest = self.now + self.asks(doctor, "notice")
        return (
            self.overlaps(doctor, patient, time, ignoring)
            + self.away(doctor, time)
            + ["buffer" for o in others if meet(o, near) and not meet(o, time)]
            + ["daily-limit"] * self.is_full(start // A_DAY, others, limit)
            + ["in-the-past"] * (start < self.now)
            + ["too-soon"] * (self.now <= start < soonest)
            + ["too-far-ahead"] * (start >= self.horizon(doctor))
        )

    @staticmethod
    def day(number: int) -> range:
        return range(number * A_DAY, (number + 1) * A_DAY)

    @staticmethod
    def is_full(day: int, others: Iterable[range], limit: int | None) -> bool:
        return limit is not None and limit <= sum(
            other.start // A_DAY == day for other in others
        )

    def horizon(self, doctor: int) -> float:
        days = self.asks(doctor, "horizon", None)
        return float("inf") if days is None else (self.now // A_DAY + days + 1) * A_DAY

    # What is free.

    def openings(
        self,
        doctor: int,
        days: Iterable[int],
        minutes: int,
        patient: int | None = None,
        ignoring: Any = None,
        *,
        overlap_alone: bool = False,
    ) -> list[int]:
        """Return every start on the doctor's grid against which nothing stands."""
        taken = list(self.taken(ignoring))
        others = [each.time for each in taken if each.doctor == doctor]
        full = {
            day
            for day in days
            if self.is_full(day, others, self.asks(doctor, "limit", None))
        }
        gap = 0 if overlap_alone else self.gap(doctor)
        barred = {m for o in others for m in range(o.start - gap, o.stop + gap)}
        if patient is not None:
            barred |= {
                m for each in taken if each.patient == patient for m in each.time
            }
        if not overlap_alone:
            barred |= {m for d, off in self.off.values() if d == doctor for m in off}
            barred |= {m for d in self.policy.get("closed", ()) for m in self.day(d)}
        soonest = self.now + self.asks(doctor, "notice")
        found = []
        for start in self.grid(doctor, days):
            time = range(start, start + minutes)
            if (
                self.open(doctor).issuperset(time)
                and barred.isdisjoint(time)
                and (
                    overlap_alone
                    or (
                        max(self.now, soonest) <= start < self.horizon(doctor)
                        and start // A_DAY not in full
                    )
                )
            ):
                found.append(start)
        return found

    def grid(self, doctor: int, days: Iterable[int]) -> list[int]:
        """Return the starts on *days*, in steps from where each day's work begins."""
        step = self.asks(doctor, "step", 15)
        wanted = set(days)
        of_days = {*wanted, *(day - 1 for day in wanted)}
        starts = {
            start
            for day in of_days
            for run in runs(self.work_of(doctor, day))
            for start in run[::step]
        }
        return sorted(start for start in starts if start // A_DAY in wanted)

    def alternatives(
        self,
        doctor: int,
        patient: int,
        wanted: int,
        minutes: int,
        ignoring: Any = None,
        *,
        overlap_alone: bool = False,
    ) -> list[int]:
        """
        Return the three openings that are nearest to a refused time.

        Where the visit *ignoring* stands already is none of them.
        """
        day, today = wanted // A_DAY, self.now // A_DAY
        days = range(max(day - AROUND, today), day + AROUND + 1)
        found = self.openings(
            doctor, days, minutes, patient, ignoring, overlap_alone=overlap_alone
        )
        stands = self.visits[ignoring] if ignoring is not None else None
        to_come = [
            start
            for start in found
            if start >= self.now
            and (
                stands is None
                or (doctor, start, minutes)
                != (stands.doctor, stands.start, stands.minutes)
            )
        ]
        return sorted(to_come, key=lambda start: abs(start - wanted))[:3]

    # Who waits for what comes free.

    def come_free(
        self, doctor: int, freed: Iterable[int], but: Iterable[Any] = ()
    ) -> None:
        """Offer the minutes that came free to whoever waits, best ranked first."""
        waiting = [
            e for e in self.ranked() if e.status == "waiting" and e.id not in but
        ]
        self.offer(doctor, freed, waiting)

    def ranked(self) -> list[Entry]:
        return sorted(self.entries.values(), key=lambda entry: entry.rank)

    def offer(
        self, doctor: int, freed: Iterable[int], waiting: Iterable[Entry]
    ) -> None:
        freed = {minute for minute in freed if minute >= self.now}
        gap = self.gap(doctor)
        near = {
            m for run in runs(freed) for m in range(run.start - gap, run.stop + gap)
        }
        for entry in waiting:
            if (
                entry.offer is not None
                or entry.doctor not in (None, doctor)
                or not freed
            ):
                continue
            days = range(entry.days[0], entry.days[1] + 1)
            found = [
                start
                for start in self.openings(doctor, days, entry.minutes, entry.patient)
                if entry.suits(start)
                and start > self.now
                and (doctor, start) not in entry.offered
                and not near.isdisjoint(range(start, start + entry.minutes))
            ]
            if not found:
                continue
            # What takes most of it, the first of those.
            start = max(
                found,
                key=lambda start: len(freed & {*range(start, start + entry.minutes)}),
            )
            expires = min(self.now + self.policy.get("offer", 120), start)
            entry.offer = Offer(doctor, start, entry.minutes, expires)
            entry.offered.add((doctor, start))
            entry.status = "offered"
            entry.events.append("offered")

    def counts(self, entry: Entry) -> bool:
        """Return whether something is offered to the entry now."""
        return entry.offer is not None and self.now < entry.offer.expires

    def end_offer(self, entry: Entry, event: str) -> Offer:
        assert entry.offer is not None
        ended, entry.offer = entry.offer, None
        entry.status = "waiting"
        entry.events.append(event)
        return ended

    def pass_on(self, entry: Entry, event: str) -> None:
        ended = self.end_offer(entry, event)
        self.come_free(ended.doctor, ended.time, but=[entry.id])

    def sweep(self) -> int:
        """End what lapsed; others come first, then those who let something lapse."""
        lapsed = [e for e in self.entries.values() if e.offer and not self.counts(e)]
        lapsed.sort(key=lambda e: (e.offer.expires, str(e.offer.id)) if e.offer else ())
        had = [entry.id for entry in lapsed]
        ended = [self.end_offer(entry, "offer-expired") for entry in lapsed]
        for doctor in dict.fromkeys(offer.doctor for offer in ended):
            freed = {m for o in ended if o.doctor == doctor for m in o.time}
            self.come_free(doctor, freed, but=had)
        for entry, offer in zip(lapsed, ended, strict=True):
            waiting = [e for e in self.ranked() if e.id in had and e is not entry]
            self.offer(offer.doctor, offer.time, waiting)
        return len(lapsed)

    # Series.

    def place_all(
        self,
        doctor: int,
        patient: int,
        starts: Iterable[int],
        minutes: int,
        reason: Any,
    ) -> tuple[list[Visit], list[tuple[int, list[str]]]]:
        """Return the visits that can stand, and those that cannot with the reasons."""
        placed: dict[object, Visit] = {}
        refused = []
        for start in starts:
            conflicts = self.against(doctor, patient, start, minutes)
            if conflicts and not reason:
                refused.append((start, conflicts))
                continue
            accepted = tuple(dict.fromkeys(conflicts))
            visit = Visit(doctor, patient, start, minutes, accepted=accepted)
            placed[start] = self.visits[start] = visit
        for key in placed:
            del self.visits[key]
        return list(placed.values()), refused

    def to_come(self, series: Any, first: int | None) -> dict[Any, Visit]:
        """Return the visits of a series that have not begun, by start."""
        found = {
            key: visit
            for key, visit in self.visits.items()
            if visit.series == series
            and visit.status in TO_COME
            and not visit.arrived
            and visit.start > self.now
            and (first is None or visit.start // A_DAY >= first)
        }
        return dict(sorted(found.items(), key=lambda it: (it[1].start, str(it[0]))))

    def move_all(
        self,
        visits: dict[Any, Visit],
        target: Callable[[Visit], tuple[int, int, int]],
        reason: Any,
    ) -> tuple[list[Any], list[tuple[int, list[str]]]]:
        """
        Move visits one after another, so that none gets into the way of the next.

        Returns:
            Which of them stand or stay, and where the others cannot be with the
            reasons.
        """
        first = next(iter(visits.values()), None)
        later = first is not None and target(first)[1] > first.start
        order = sorted(visits, key=lambda key: visits[key].start, reverse=later)
        standing, refused = [], []
        for key in order:
            visit = visits[key]
            doctor, start, minutes = target(visit)
            if visit.place != (doctor, start, minutes):
                conflicts = self.against(doctor, visit.patient, start, minutes, key)
                if conflicts and not reason:
                    refused.append((start, conflicts))
                    continue
                visit.move(doctor, start, minutes)
                visit.accepted = tuple(dict.fromkeys(conflicts))
                visit.events.append("rescheduled")
            standing.append(key)
        return standing, sorted(refused)
