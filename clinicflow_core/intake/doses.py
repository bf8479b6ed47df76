"""
Doses: the numbers in what a patient says, with their units, and how often.

"Two point five M G", "2.5 mg" and "2.5mg" are one quantity, and so are "twice a day",
"b.i.d." and "2 times daily". Two texts say the same dose exactly if their quantities
have the same value and unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from attrs import evolve, frozen

LONGEST_NUMBER = 40
"""In digits; a longer run of them is many numbers, one after the other."""

NO_UNIT = ""
A_DAY = "a day"
HOURS_APART = "hours apart"
AS_NEEDED = "as needed"
AT_NIGHT = "at night"
IN_THE_MORNING = "in the morning"


@frozen(kw_only=True)
class Quantity:
    """
    A number with its unit, where a text names it.

    Attributes:
        unit: "mg", "tablet", "year" …; "a day", "a week" or "hours apart" for how
            often, "as needed", "at night" or "in the morning" for when (the value is
            then 1); empty if it stands without.
        start: Where it begins in the text, counted in characters.
        number_end: Where the number itself ends; the unit comes after it.
        end: Where it all ends.
    """

    value: Decimal
    unit: str = NO_UNIT
    start: int
    number_end: int
    end: int

    @property
    def amount(self) -> tuple[Decimal, str]:
        """What two texts share if they say the same."""
        return self.value, self.unit

    @property
    def is_frequency(self) -> bool:
        """Whether it says how often or when."""
        return self.unit in _FREQUENCIES


_FROM_ZERO = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen
"""
_FROM_TWENTY = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {word: number for number, word in enumerate(_FROM_ZERO.split())}
_TENS = {word: 20 + 10 * step for step, word in enumerate(_FROM_TWENTY.split())}
_SCALES = {"hundred": 100, "thousand": 1000}
_PARTS = {"half": Decimal("0.5"), "quarter": Decimal("0.25")}

_UNITS = {
    "mg": r"mgs?|m\.? g\.?|milligrams?|milli grams?",
    "mcg": r"mcgs?|m\.? c\.? g\.?|micrograms?|µg|μg|ug",
    "g": r"grams?|gms?|g",
    "kg": r"kgs?|k\.? g\.?|kilos?|kilograms?",
    "ml": r"mls?|m\.? l\.?|milliliters?|millilitres?|ccs?|c\.? c\.?",
    "l": r"liters?|litres?|l",
    "meq": r"meqs?|milliequivalents?",
    "unit": r"units?|i\.?u\.?|international units?",
    "percent": r"%|percent|per cent",
    "tablet": r"tablets?|tabs?|pills?",
    "capsule": r"capsules?|caps?",
    "puff": r"puffs?|inhalations?",
    "drop": r"drops?|gtts?",
    "spray": r"sprays?|squirts?",
    "patch": r"patch(?:es)?",
    "teaspoon": r"teaspoons?|tsps?",
    "tablespoon": r"tablespoons?|tbsps?",
    "pack": r"packs?|packets?",
    "pound": r"pounds?|lbs?",
    "inch": r"inch(?:es)?",
    "degree": r"degrees?|°",
    "hour": r"hours?|hrs?|h",
    "minute": r"minutes?|mins?",
    "day": r"days?",
    "week": r"weeks?|wks?",
    "month": r"months?",
    "year": r"years?|yrs?",
}
_COUNTED = (
    "tablet",
    "capsule",
    "puff",
    "drop",
    "spray",
    "patch",
    "teaspoon",
    "tablespoon",
)
_PERIODS = {"hour": HOURS_APART, "day": "days apart", "week": "weeks apart"}

# Each says by itself how often; those that follow a number come without it.
_TIMINGS = {
    (1, A_DAY): r"(?:once )?daily|(?:once )?(?:a|per|each|every) day|/ ?day|q\.? ?d\.?",
    (2, A_DAY): r"b\.? ?i\.? ?d\.?|twice daily|twice (?:a|per|each|every) day",
    (3, A_DAY): r"t\.? ?i\.? ?d\.?|thrice daily|thrice (?:a|per) day",
    (4, A_DAY): r"q\.? ?i\.? ?d\.?",
    (1, "a week"): r"weekly|(?:once )?(?:a|per|each|every) week",
    (2, "a week"): r"twice (?:a|per|each) week|twice weekly",
    (1, "a month"): r"monthly|(?:once )?(?:a|per|each|every) month",
    (1, "a year"): r"yearly|(?:once )?(?:a|per|each|every) year",
    (2, "days apart"): r"every other day|q\.? ?o\.? ?d\.?",
    (1, AS_NEEDED): r"p\.? ?r\.? ?n\.?|(?:as|when|if) needed",
    (1, AT_NIGHT): r"q\.? ?h\.? ?s\.?|h\.s\.?|(?:at|before) bed(?:time)?|at night"
    r"|nightly|(?:every|each) (?:night|evening)|in the evening|q\.?p\.?m\.?",
    (1, IN_THE_MORNING): r"(?:in|every|each) (?:the )?morning|q\.?a\.?m\.?",
}
_FREQUENCIES = frozenset(
    {unit for _, unit in _TIMINGS} | set(_PERIODS.values()) | {"times"}
)

_STRENGTHS = frozenset({"mg", "mcg", "g", "kg", "ml", "l", "meq"})

_NUMBER_WORD = rf"(?:{'|'.join((*_ONES, *_TENS, *_SCALES))})\b"
_POINT = rf"point(?=[ -]{_NUMBER_WORD})"
_SPOKEN = (
    rf"(?:{_NUMBER_WORD}|{_POINT})"
    rf"(?:[ -](?:and (?=(?:{_NUMBER_WORD}|a half\b)))?"
    rf"(?:{_NUMBER_WORD}|{_POINT}|a half\b))*"
)
_RUN = rf"[0-9]{{1,{LONGEST_NUMBER}}}"
_DIGITS = (
    rf"(?:[0-9]{{1,3}}(?:,[0-9]{{3}}){{1,5}}(?![0-9])|{_RUN})(?:\.{_RUN})?|\.{_RUN}"
)
_FRACTION = r"(?<![0-9/.])[1-3]/[2-4](?![0-9/])"
_PART = rf"(?:(?:one|a) )?(?:{'|'.join(_PARTS)})(?: of)?(?: an?)?(?= )"
_NUMBER = (
    rf"(?P<fraction>{_FRACTION})|(?P<digits>{_DIGITS})"
    rf"|\b(?:(?P<part>{_PART})|(?P<spoken>{_SPOKEN}))"
)
_TIMING_OF = {f"timing_{n}": amount for n, amount in enumerate(_TIMINGS)}
_TIMING = "|".join(f"(?P<{n}>{_TIMINGS[which]})" for n, which in _TIMING_OF.items())
_COUNTABLE = "|".join(_UNITS[unit] for unit in _COUNTED)

# "A week ago" and "for a month now" are no times.
_AGO = r"(?! (?:ago|now|later|back|before|or|and a half)\b)"
_LONG = "".join(
    rf"(?<!\b{word} )" for word in ("for", "in", "about", "been", "half", "within")
)

_FOUND = re.compile(
    rf"{_LONG}\b(?:{_TIMING})(?!\w){_AGO}|\b(?P<every>every|q\.?) ?(?=[0-9a-z])"
    rf"|\b(?P<single>an?)(?= (?:{_COUNTABLE})\b)|{_NUMBER}",
    re.IGNORECASE,
)
_NUMBER_HERE = re.compile(_NUMBER, re.IGNORECASE)
_UNIT = re.compile(
    rf"[ -]{{0,2}}(?:{'|'.join(f'(?P<{u}>{alias})' for u, alias in _UNITS.items())})"
    r"(?![a-z])",
    re.IGNORECASE,
)
_TIMES = re.compile(
    r" ?(?:times?|x)"
    r"(?:(?: ?(?:an?|per|each|every|/))? ?(?P<per>day|dai|week|month|year)(?:ly)?)?\b",
    re.IGNORECASE,
)
_TO = re.compile(r" ?(?:-|\u2013|to|or) ?", re.IGNORECASE)
_MANY = re.compile(rf" (?:{_COUNTABLE})(?<=s)\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_POINTING = re.compile(
    r"\b(?:that|the|this|which|no|any|some|other|each|another|every) $", re.IGNORECASE
)


def quantities(text: str) -> tuple[Quantity, ...]:
    """
    Return every number in *text*, and every word that says how often, in order.

    Both ends of a range have the unit of the second: "one or two tablets". The word
    "one" that only points, as in "that one", is no number.
    """
    return tuple(_quantities(text))


def normalised(text: str) -> str:
    """
    Return *text* with spelled numbers in digits and strengths in symbols.

    "Twenty M G once a day" becomes "20 mg once a day"; its quantities stay the same. A
    small number without a unit stays as it is: it may be no number at all.
    """
    pieces = []
    done = 0
    for each in quantities(text):
        number = text[each.start : each.number_end]
        if not number or (not each.unit and each.value < 10):
            continue
        if not number[0].isdecimal() and number[0] != ".":
            number = f"{each.value:f}"
        unit = text[each.number_end : each.end]
        if unit and each.unit in _STRENGTHS:
            unit = f" {each.unit}"
        elif unit and each.unit == "percent":
            unit = "%"
        pieces += [text[done : each.start], number, unit]
        done = each.end
    return "".join((*pieces, text[done:]))


def _quantities(text: str) -> Iterator[Quantity]:
    position = 0
    while found := _FOUND.search(text, position):
        position = found.end()
        kind = found.lastgroup
        if kind in _TIMING_OF:
            value, unit = _TIMING_OF[kind]
            start = found.start()
            yield Quantity(
                value=Decimal(value),
                unit=unit,
                start=start,
                number_end=start,
                end=position,
            )
        elif kind == "single":
            yield _with_unit(text, Decimal(1), *found.span())
        elif kind != "every":
            run = _run(text, found)
            yield from (each for each in run if not _only_points(text, each))
            position = run[-1].end
        elif number := _NUMBER_HERE.match(text, position):
            run = _run(text, number)
            for each in run:
                yield evolve(each, unit=_PERIODS.get(each.unit, each.unit))
            position = run[-1].end


def _run(text: str, number: re.Match[str]) -> list[Quantity]:
    """Return a number and those of the same range: "4 to 6 hours"."""
    run: list[Quantity] = []
    ends: list[int] = []
    further: re.Match[str] | None = number
    while further:
        number = further
        ends.append(len(run) - 1)
        run += _numbers(text, number)
        to = None if run[-1].unit else _TO.match(text, number.end())
        further = _NUMBER_HERE.match(text, to.end()) if to else None
    for index in ends[1:]:
        run[index] = evolve(run[index], unit=run[-1].unit)
    return run


def _numbers(text: str, number: re.Match[str]) -> list[Quantity]:
    """Return what stands there in one go; the last has the unit."""
    start, end = number.span()
    if number["spoken"]:
        last = _with_unit(text, Decimal(0), start, end)
        each_counts = bool(last.unit and _MANY.match(text, last.end))
        values = _spoken_values(text, start, end, split=each_counts)
    elif number["digits"]:
        values = [(Decimal(number["digits"].replace(",", "")), start, end)]
    elif number["fraction"]:
        above, below = number["fraction"].split("/")
        values = [(Decimal(above) / Decimal(below), start, end)]
    else:
        part = _PARTS["half" if "half" in number["part"].lower() else "quarter"]
        values = [(part, start, end)]
    *before, last_value = values
    bare = [
        Quantity(value=value, start=first, number_end=after, end=after)
        for value, first, after in before
    ]
    return [*bare, _with_unit(text, *last_value)]


def _with_unit(text: str, value: Decimal, start: int, end: int) -> Quantity:
    unit, unit_end = NO_UNIT, end
    if times := _TIMES.match(text, end):
        per = times["per"]
        unit = f"a {per.lower().replace('dai', 'day')}" if per else "times"
        unit_end = times.end()
    elif found := _UNIT.match(text, end):
        unit = found.lastgroup or NO_UNIT
        unit_end = found.end()
    return Quantity(value=value, unit=unit, start=start, number_end=end, end=unit_end)


def _only_points(text: str, number: Quantity) -> bool:
    if number.unit:
        return False
    word = text[number.start : number.end].lower()
    before = text[max(0, number.start - 10) : number.start]
    return word == "one" and bool(_POINTING.search(before))


def _spoken_values(
    text: str, start: int, end: int, *, split: bool
) -> list[tuple[Decimal, int, int]]:
    """
    Return the numbers that a run of words spells, each with where it stands.

    "Seven fifty" is 750, unless *split* says that the first counts the second: "two
    twenty milligram tablets".
    """
    spelled: list[_Spelled] = []
    after_and = False
    for found in _WORD.finditer(text, start, end):
        word = found[0].lower()
        if word in {"and", "a"}:
            after_and = after_and or word == "and"
            continue
        goes_on = bool(spelled) and (
            not after_and or word == "half" or spelled[-1].takes_and
        )
        if not goes_on or not spelled[-1].takes(word, split=split):
            spelled.append(_Spelled(found.start()))
            spelled[-1].takes(word, split=split)
        spelled[-1].end = found.end()
        after_and = False
    return [(each.value, each.start, each.end) for each in spelled]


class _Spelled:
    """A number while its words come in one by one."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self._thousands = 0
        self._below = 0
        self._decimals: str | None = None
        self._has_half = False
        self._has_joined = False
        self._last = ""

    @property
    def value(self) -> Decimal:
        whole = self._thousands + self._below
        number = Decimal(f"{whole}.{self._decimals}" if self._decimals else whole)
        return number + _PARTS["half"] if self._has_half else number

    @property
    def takes_and(self) -> bool:
        """Whether "and" goes on with it: "two hundred and ten"."""
        return self._last == "scale"

    def takes(self, word: str, *, split: bool) -> bool:
        """Add a word and return True, or return False if it begins another number."""
        if self._has_half:
            return False
        if word == "half":
            self._has_half = True
            return True
        if word == "point":
            is_first = self._decimals is None
            self._decimals = self._decimals or ""
            self._last = "point"
            return is_first
        if self._decimals is not None:
            return self._takes_decimal(word)
        if word in _SCALES:
            return self._takes_scale(_SCALES[word])
        return self._takes_number(word, split=split)

    def _takes_decimal(self, word: str) -> bool:
        if word in _ONES and (self._last != "tens" or _ONES[word] >= 10):
            self._decimals = f"{self._decimals}{_ONES[word]}"
        elif word in _ONES and self._decimals:
            self._decimals = f"{self._decimals[:-1]}{_ONES[word]}"
            self._last = "ones"
        elif word in _TENS and self._last != "tens":
            self._decimals = f"{self._decimals}{_TENS[word]}"
            self._last = "tens"
        else:
            return False
        return True

    def _takes_scale(self, scale: int) -> bool:
        if scale == 1000 and not self._thousands:
            self._thousands, self._below = 1000 * (self._below or 1), 0
        elif scale == 100 and self._below < 100 and self._last != "scale":
            self._below = 100 * (self._below or 1)
        else:
            return False
        self._last = "scale"
        return True

    def _takes_number(self, word: str, *, split: bool) -> bool:
        number = _ONES[word] if word in _ONES else _TENS[word]
        completes_tens = self._last == "tens" and 0 < number < 10
        if self._last in {"", "scale"} or completes_tens:
            self._below += number
        elif not split and self._can_join and number >= 10:
            self._below = 100 * self._below + number
            self._has_joined = True
        else:
            return False
        self._last = "tens" if word in _TENS else "ones"
        return True

    @property
    def _can_join(self) -> bool:
        return not self._has_joined and not self._thousands and 0 < self._below < 100
