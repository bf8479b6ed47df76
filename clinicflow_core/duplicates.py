"""
Duplicates: how likely two patients are the same person.

Names and birth dates are compared as a receptionist would: a letter missing, names
or day and month exchanged, an accent left out. What agrees gives points, what differs
takes them away; the points were tuned on the sets 1 and 2 of FEBRL, and
`tests/benchmarks/duplicates.py` judges them on set 3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date
from enum import Enum

import jellyfish
from attrs import frozen
from rapidfuzz.distance import OSA, JaroWinkler

from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient, folded

POSSIBLE = 0.5
"""From this likeness on, two patients are worth a second look."""

MOST_SHOWN = 10
"""How many possible duplicates of one patient are told."""

_DIGITS_OF_A_LINE = 9


@frozen
class MatchKeys:
    """
    What is looked up to find who may be the same person.

    Two patients worth comparing share at least one; None shares nothing. Who was
    erased, or merged into another, has none.

    Attributes:
        birth: The birth date, whichever way round day and month stand.
        sound: What both names sound like, in either order.
        spelling: How both names begin, in either order.
    """

    birth: str | None
    sound: str | None
    spelling: str | None


@frozen
class PossibleDuplicate:
    """
    Somebody in the register who may be the same person.

    Attributes:
        likeness: From `POSSIBLE` to 1, in hundredths.
    """

    patient_id: PatientId
    likeness: float


def match_keys(patient: Patient) -> MatchKeys:
    """Return the keys by which those who may be the same person are looked up."""
    if patient.erased_at is not None or patient.merged_into_id is not None:
        return MatchKeys(None, None, None)
    names = [_letters(patient.first_name), _letters(patient.last_name)]
    born = patient.date_of_birth
    return MatchKeys(
        birth=None if born is None else _either_way_round(born),
        sound=_joined(_sound(name) for name in names),
        spelling=_joined(name[:3] for name in names),
    )


def likeness(one: Patient, other: Patient) -> float:
    """
    Return how likely the two are the same person, from 0 to 1.

    Without a birth date nobody is certain: many are called alike. Phone and e-mail
    count only beside names that are alike, since a family shares them.
    """
    names = _names_points(one, other)
    points = names + _BIRTH_POINTS[_compare_births(one, other)]
    if names >= _ALIKE:
        points += _contact_points(one, other)
    return 1 / (1 + math.exp(_EVEN - points))


def possible_duplicates(
    patient: Patient, others: Iterable[Patient]
) -> tuple[PossibleDuplicate, ...]:
    """Return those of *others* who may be *patient*, most alike first, at most ten."""
    found = (
        (likeness(patient, other), other.id)
        for other in others
        if other.id != patient.id
    )
    possible = sorted(
        ((-alike, other_id) for alike, other_id in found if alike >= POSSIBLE),
    )
    return tuple(
        PossibleDuplicate(other_id, round(-unlike, 2))
        for unlike, other_id in possible[:MOST_SHOWN]
    )


class _Alike(Enum):
    """How well two values agree."""

    SAME = "same"
    TYPO = "a slip of the pen apart"
    SIMILAR = "similar"
    UNKNOWN = "one is not known"
    OTHER = "different"


_NAME_POINTS = {
    _Alike.SAME: 5.0,
    _Alike.TYPO: 4.0,
    _Alike.SIMILAR: 1.0,
    _Alike.UNKNOWN: -1.0,
    _Alike.OTHER: -4.0,
}
_BIRTH_POINTS = {
    _Alike.SAME: 9.0,
    _Alike.TYPO: 6.0,
    _Alike.SIMILAR: 0.0,
    _Alike.UNKNOWN: 0.0,
    _Alike.OTHER: -5.0,
}
_EXCHANGED = -1.0
"""For names that agree only when first and last are exchanged."""

_EVEN = 8.0
"""So many points are as likely the same person as not."""

_ALIKE = 5.0
"""So many points have names that are alike."""

_SAME_PHONE = 4.0
_SAME_EMAIL = 5.0


def _names_points(one: Patient, other: Patient) -> float:
    first, last = _words(one.first_name), _words(one.last_name)
    other_first, other_last = _words(other.first_name), _words(other.last_name)
    return max(
        _name_points(first, other_first) + _name_points(last, other_last),
        _name_points(first, other_last) + _name_points(last, other_first) + _EXCHANGED,
    )


def _name_points(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    return _NAME_POINTS[_compare_names(one, other)]


def _compare_names(one: tuple[str, ...], other: tuple[str, ...]) -> _Alike:
    a, b = "".join(one), "".join(other)
    if not a or not b:
        return _Alike.UNKNOWN
    if a == b:
        return _Alike.SAME
    shorter = min(len(a), len(b))
    slips = OSA.distance(a, b)
    if (slips == 1 and shorter >= 3) or (slips == 2 and shorter >= 6):
        return _Alike.TYPO
    # Of several names, as Garcia Lopez, often only one is given.
    if set(one) <= set(other) or set(other) <= set(one):
        return _Alike.TYPO
    if (sound := jellyfish.metaphone(a)) and sound == jellyfish.metaphone(b):
        return _Alike.TYPO
    few_slips = (slips == 2 and shorter >= 4) or (slips == 3 and shorter >= 6)
    if few_slips or JaroWinkler.similarity(a, b) >= 0.88:
        return _Alike.SIMILAR
    return _Alike.OTHER


def _compare_births(one: Patient, other: Patient) -> _Alike:
    a, b = one.date_of_birth, other.date_of_birth
    if a is None or b is None:
        return _Alike.UNKNOWN
    if a == b:
        return _Alike.SAME
    slips = OSA.distance(a.isoformat(), b.isoformat())
    if slips == 1 or _either_way_round(a) == _either_way_round(b):
        return _Alike.TYPO
    parts = (a.year == b.year, a.month == b.month, a.day == b.day)
    return _Alike.SIMILAR if slips == 2 or sum(parts) == 2 else _Alike.OTHER


def _contact_points(one: Patient, other: Patient) -> float:
    points = 0.0
    phone = _line_of(one.phone)
    if phone and phone == _line_of(other.phone):
        points += _SAME_PHONE
    if one.email and other.email and folded(one.email) == folded(other.email):
        points += _SAME_EMAIL
    return points


def _line_of(phone: str | None) -> str:
    """Return the last digits: what stands before them may be a country's code."""
    return re.sub("[^0-9]", "", phone or "")[-_DIGITS_OF_A_LINE:]


def _words(name: str) -> tuple[str, ...]:
    letters = (mark if mark.isalpha() else " " for mark in folded(name))
    return tuple("".join(letters).split())


def _letters(name: str) -> str:
    return "".join(_words(name))


def _sound(letters: str) -> str:
    # Soundex knows 26 letters; of others it would keep only the first one.
    return jellyfish.soundex(letters) if letters.isascii() and letters else letters[:4]


def _joined(names: Iterable[str]) -> str | None:
    return "|".join(sorted(name for name in names if name)) or None


def _either_way_round(born: date) -> str:
    one, other = sorted((born.month, born.day))
    return f"{born.year:04}{one:02}{other:02}"
