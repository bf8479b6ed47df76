from __future__ import annotations

from datetime import date

import pytest
from attrs import astuple, evolve
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.duplicates import (
    MOST_SHOWN,
    POSSIBLE,
    likeness,
    match_keys,
    possible_duplicates,
)
from tests.builders import NOW, patient

BORN = date(1980, 12, 31)
SURE = 0.95


def ann(name="Ann Marie Lee", born=BORN, **details):
    return patient(name, date_of_birth=born, **details)


def share_a_key(one, other):
    keys = zip(astuple(match_keys(one)), astuple(match_keys(other)), strict=True)
    return any(key is not None and key == theirs for key, theirs in keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ann("Ann Lee"), ann("Ann Lee"), id="all the same"),
        pytest.param(ann("Ann Lee"), ann("Lee Ann"), id="names exchanged"),
        pytest.param(ann("Zoë Ångström"), ann("Zoe Angstrom"), id="accents"),
        pytest.param(ann("Sean O'Brien"), ann("Sean OBRIEN"), id="marks and case"),
        pytest.param(ann("Ann Garcia"), ann("Ann Gracia"), id="letters exchanged"),
        pytest.param(ann("Anna Lee"), ann("Ann Lee"), id="a letter missing"),
        pytest.param(ann("Philip Katz"), ann("Filip Cats"), id="as it sounds"),
        pytest.param(
            ann("Ann Lee", date(1980, 12, 3)),
            ann("Ann Lee", date(1980, 3, 12)),
            id="day and month exchanged",
        ),
        pytest.param(
            ann("Ann Lee", date(1980, 12, 3)),
            ann("Ann Lee", date(1980, 12, 8)),
            id="one digit of the birth date",
        ),
        pytest.param(ann(), ann("Marie Lee"), id="one of two first names"),
    ],
)
def test_a_slip_of_the_pen_makes_nobody_a_stranger(one, other):
    assert likeness(one, other) == likeness(other, one) > SURE
    assert share_a_key(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ann("Ann Lee"), ann("Ann Moss"), id="another surname"),
        pytest.param(ann("Ann Lee"), ann("Bea Lee"), id="another first name"),
        pytest.param(ann("Ann Lee"), ann("Ann Lee", None), id="no birth date"),
        pytest.param(
            ann("Ann Lee"), ann("Ann Lee", date(1980, 11, 30)), id="two digits"
        ),
        pytest.param(
            ann("Ann Lee", date(1980, 11, 30)),
            ann("Ann Lee", date(1979, 11, 30)),
            id="a year apart, on the same day",
        ),
    ],
)
def test_who_differs_in_one_thing_is_possible_and_not_certain(one, other):
    assert POSSIBLE <= likeness(one, other) < SURE
    assert share_a_key(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            ann("Ann Lee"), ann("Ann Lee", date(1961, 5, 4)), id="the name alone"
        ),
        pytest.param(ann("Ann Lee"), ann("Bob Moss"), id="the birth date alone"),
        pytest.param(
            ann("Ann Lee", None), ann("Ann Moss", None), id="the first name alone"
        ),
        pytest.param(
            ann("Ann Lee", None, phone="555-0101", email="a@example.org"),
            ann("Bob Lee", None, phone="555-0101", email="a@example.org"),
            id="a family that shares phone and e-mail",
        ),
        pytest.param(ann("Ann Lee", None), ann("Ann -", None), id="no surname"),
        pytest.param(ann("李 王", None), ann("張 陳", None), id="other letters"),
    ],
)
def test_strangers_stay_strangers(one, other):
    assert likeness(one, other) < POSSIBLE


def test_a_shared_phone_or_e_mail_makes_namesakes_certain():
    namesake = ann("Ann Lee", None)
    at_home = {"phone": "+1 (212) 555-0147", "email": "ann@example.org"}

    for name, value, same in [
        ("phone", at_home["phone"], "2125550147"),
        ("email", at_home["email"], "ANN@example.org"),
    ]:
        one = evolve(namesake, **{name: value})
        assert likeness(one, evolve(namesake, **{name: same})) > SURE
        assert likeness(one, evolve(namesake, **{name: "other"})) < SURE
        assert likeness(one, namesake) < SURE


def test_somebody_of_whom_little_is_known_is_still_looked_up():
    nobody = patient("- -")

    assert astuple(match_keys(nobody)) == (None, None, None)
    assert match_keys(patient("Ann Lee")).birth is None
    assert match_keys(evolve(nobody, date_of_birth=BORN)).birth == "19801231"
    assert match_keys(patient("李 王")).sound is not None


def test_who_was_erased_or_merged_is_not_looked_up():
    for gone in (ann().erased(NOW), ann().merged_into(patient().id, NOW)):
        assert astuple(match_keys(gone)) == (None, None, None)


def test_the_most_alike_are_told_first_and_ten_at_most():
    newcomer = ann("Ann Lee")
    same, namesake = ann("Ann Lee"), ann("Ann Lee", None)
    many = [ann("Anne Lee") for _ in range(12)]

    told = possible_duplicates(newcomer, [namesake, *many, same, ann("Bob Moss")])
    alone = possible_duplicates(newcomer, [namesake, same, newcomer])

    assert [each.patient_id for each in alone] == [same.id, namesake.id]
    assert len(told) == MOST_SHOWN
    assert told[0].patient_id == same.id
    assert [e.likeness for e in told] == sorted(
        (e.likeness for e in told), reverse=True
    )


names = st.text(max_size=12)
births = st.none() | st.dates()


@given(names, names, births, names, names, births)
def test_whatever_is_written_can_be_compared(first, last, born, other_first, other, at):
    one = evolve(patient(), first_name=first, last_name=last, date_of_birth=born)
    two = evolve(patient(), first_name=other_first, last_name=other, date_of_birth=at)

    assert 0 <= likeness(one, two) == likeness(two, one) <= 1
    for key in astuple(match_keys(one)):
        assert key is None or 1 <= len(key) <= 20
