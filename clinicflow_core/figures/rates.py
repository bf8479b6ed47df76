"""Rates with their intervals, shares, and how minutes spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar

from attrs import frozen

Z_95 = 1.959963984540054
"""How many standard deviations about the mean hold 95 % of a normal distribution."""


@frozen
class Rate:
    """
    How many *of* so many, each of which could have gone the other way.

    *low* and *high* are Wilson's score interval of 95 %; they and *rate* are None
    where there is nothing to count.
    """

    count: int
    of: int

    __computed__: ClassVar[tuple[str, ...]] = ("rate", "low", "high")

    @property
    def rate(self) -> float | None:
        """The part, from 0 to 1."""
        return self.count / self.of if self.of else None

    @property
    def low(self) -> float | None:
        """The lower end of the interval."""
        return None if self.of == 0 else wilson_interval(self.count, self.of)[0]

    @property
    def high(self) -> float | None:
        """The upper end."""
        return None if self.of == 0 else wilson_interval(self.count, self.of)[1]


@frozen
class Share:
    """
    A part of a whole: a *count* of minutes, or of visits about which all is known.

    It has no interval: nothing here was left to chance. *rate* is None where there is
    no whole.
    """

    count: int
    of: int

    __computed__: ClassVar[tuple[str, ...]] = ("rate",)

    @property
    def rate(self) -> float | None:
        """The part, from 0 to 1."""
        return self.count / self.of if self.of else None


@frozen(kw_only=True)
class Spread:
    """
    How *count* numbers of minutes lie; all None if there are none.

    Quartiles between two numbers lie on the line between them (type 7 of Hyndman and
    Fan, 1996).
    """

    count: int
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None


def wilson_interval(count: int, of: int) -> tuple[float, float]:
    """
    Return Wilson's score interval of 95 % for *count* of *of*, which is at least 1.

    Source: Wilson, 1927; as method 3 in Newcombe, Statistics in Medicine 17 (1998).
    """
    part = count / of
    shrink = 1 + Z_95**2 / of
    middle = (part + Z_95**2 / (2 * of)) / shrink
    half = Z_95 / shrink * math.sqrt(part * (1 - part) / of + (Z_95 / of) ** 2 / 4)
    # At the ends rounding must not leave a hair of what cannot be.
    return (
        0.0 if count == 0 else middle - half,
        1.0 if count == of else middle + half,
    )


def spread_of(minutes: Iterable[int]) -> Spread:
    """Return how *minutes* lie."""
    ordered = sorted(minutes)
    lower, median, upper = (_at_quarter(ordered, n) for n in (1, 2, 3))
    return Spread(
        count=len(ordered), lower_quartile=lower, median=median, upper_quartile=upper
    )


def _at_quarter(ordered: Sequence[int], quarters: int) -> float | None:
    if not ordered:
        return None
    place, rest = divmod(quarters * (len(ordered) - 1), 4)
    following = ordered[min(place + 1, len(ordered) - 1)]
    return ordered[place] + (following - ordered[place]) * rest / 4
