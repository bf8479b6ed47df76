"""The stage: a clock that is moved, and acts that wait for their moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from heapq import heappop, heappush
from itertools import count
from typing import ClassVar

from attrs import Factory, define, field, frozen

from clinicflow_cli.demo.plan import FormFate
from clinicflow_cli.demo.staff import Staff
from clinicflow_core.entities.ids import FormId

Act = Callable[[], object]


@define
class MovableClock:
    """A clock that shows what it is set to."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@frozen(kw_only=True)
class BegunForm:
    """
    A form that a patient has filled in half way.

    Attributes:
        token: Opens it; what is filled in so far also needs the birth date.
    """

    __computed__: ClassVar[tuple[str, ...]] = ("path",)

    form_id: FormId
    patient: str = field(repr=False)
    birth_date: date = field(repr=False)
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        """Where the service shows it to the patient."""
        return f"/i/{self.token}"


@define(kw_only=True)
class Stage:
    """
    Acts in the order of their moments, and for one moment in the order they came in.

    Attributes:
        forms: Of the forms that the demo points at, the first that met each fate.
        begun: The one of them that is filled in half way.
    """

    clock: MovableClock
    staff: Staff
    forms: dict[FormFate, FormId] = Factory(dict)
    begun: BegunForm | None = None
    _waiting: list[tuple[datetime, int, Act]] = field(factory=list, init=False)
    _numbers: Iterator[int] = field(factory=count, init=False)

    def at(self, moment: datetime, act: Act) -> None:
        """Let *act* happen at *moment*, or at once if that is over."""
        heappush(self._waiting, (moment, next(self._numbers), act))

    def play(self, until: datetime) -> None:
        """Let all happen that is due by *until*; the rest never does."""
        while self._waiting and self._waiting[0][0] <= until:
            moment, _, act = heappop(self._waiting)
            self.clock.at = max(self.clock.at, moment)
            act()
        self.clock.at = until
