from __future__ import annotations

import pytest

from clinicflow_core.entities.summary import Facet, Topic
from clinicflow_core.errors import InvalidError
from clinicflow_core.intake.answers import check_answers
from clinicflow_core.intake.scores import scores_of
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.intake.statements import statements_of

SHORTEST = {
    "reason": "Headache",
    "takes-medications": False,
    "has-allergies": False,
    "consent": "agree",
}


def check(**answers):
    return check_answers(standard_definition(), SHORTEST | answers, complete=True)


def test_a_patient_with_little_to_say_answers_four_questions():
    assert check().answers == SHORTEST


@pytest.mark.parametrize("left_out", SHORTEST)
def test_none_of_the_four_can_be_left_out(left_out):
    raw = {key: value for key, value in SHORTEST.items() if key != left_out}

    with pytest.raises(InvalidError, match=f"^/{left_out}: is required$"):
        check_answers(standard_definition(), raw, complete=True)


@pytest.mark.parametrize(
    ("asked", "listed"),
    [("takes-medications", "medications"), ("has-allergies", "allergies")],
)
def test_whoever_takes_medicines_or_has_allergies_must_name_one(asked, listed):
    with pytest.raises(InvalidError, match=f"^/{listed}: is required$"):
        check(**{asked: True})

    with pytest.raises(InvalidError, match=f"^/{listed}: .*/{listed}/0/.*-name: "):
        check(**{asked: True, listed: [{}]})


def test_whoever_takes_none_leaves_no_list():
    checked = check(medications=[{"medication-name": "Aspirin"}])

    assert "medications" not in checked.answers
    assert checked.dropped == ("/medications",)


@pytest.mark.parametrize(
    ("pregnant", "dropped"),
    [
        ("yes", ()),
        ("no", ("/due-date",)),
        ("not-me", ("/due-date", "/breastfeeding")),
    ],
)
def test_more_about_pregnancy_is_asked_only_of_those_it_concerns(pregnant, dropped):
    checked = check(pregnant=pregnant, breastfeeding=False, **{"due-date": "2026-08"})

    assert checked.dropped == dropped


def test_what_a_doctor_must_see_is_told_by_topic():
    checked = check(
        concerns=["Cough"],
        conditions=["asthma", {"other": "Gout"}],
        pregnant="maybe",
        **{
            "takes-medications": True,
            "medications": [
                {
                    "medication-name": "Lisinopril",
                    "medication-dose": "10 mg",
                    "medication-frequency": "daily",
                }
            ],
            "has-allergies": True,
            "allergies": [{"allergy-name": "Latex", "allergy-reaction": "rash"}],
            "self-harm": True,
        },
    )

    told = statements_of(standard_definition(), checked.answers)

    assert [(s.text, s.topic, s.facet) for s in told if s.topic] == [
        ("Headache", Topic.REASON, None),
        ("Cough", Topic.CONCERNS, None),
        ("Yes", Topic.MEDICATIONS, None),
        ("Lisinopril", Topic.MEDICATIONS, Facet.NAME),
        ("10 mg", Topic.MEDICATIONS, Facet.DOSE),
        ("daily", Topic.MEDICATIONS, Facet.FREQUENCY),
        ("Yes", Topic.ALLERGIES, None),
        ("Latex", Topic.ALLERGIES, Facet.NAME),
        ("rash", Topic.ALLERGIES, Facet.REACTION),
        ("Asthma", Topic.HISTORY, None),
        ("Gout", Topic.HISTORY, None),
        ("I could be", Topic.PREGNANCY, None),
        ("Yes", Topic.SAFETY, None),
    ]


def test_two_answers_tell_whether_a_depression_is_possible():
    checked = check(
        **{"little-interest": "LA6569-3", "feeling-down": "LA6570-1"},
    )

    (score,) = scores_of(standard_definition(), checked.answers)

    assert (score.name, score.total, score.maximum) == ("phq-2", 3, 6)
    assert score.band == "Depression is possible"


def test_it_is_read_once():
    assert standard_definition() is standard_definition()
