from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.questionnaire import Code, Option
from clinicflow_core.entities.summary import Facet, Statement, Topic
from clinicflow_core.intake.answers import check_answers
from clinicflow_core.intake.statements import facet_of, statements_of, topic_of
from tests.core.intake.asking import (
    answers_to,
    asks,
    choice,
    definitions,
    entries,
    group,
    question,
    scale,
)


def told(definition, answers):
    """Return the pointer and the text of each statement."""
    return [(s.answer, s.text) for s in statements_of(definition, answers)]


def topics(*items, **answers):
    """Return what each answer is about."""
    return [s.topic for s in statements_of(asks(*items), answers)]


def test_every_answer_is_told_in_the_order_of_the_questionnaire():
    definition = asks(
        question("reason"),
        group("page", question("pain", "integer"), question("smoker", "boolean")),
        entries("medications", question("name"), question("dose")),
        question("concerns", repeats=True),
        question("unanswered"),
        question("note", "display"),
    )
    answers = {
        "concerns": ["Cough", "Rash"],
        "medications": [{"dose": "10 mg", "name": "Lisinopril"}, {"name": "Aspirin"}],
        "smoker": False,
        "pain": 7,
        "reason": "Headache",
    }

    assert told(definition, answers) == [
        ("/reason", "Headache"),
        ("/pain", "7"),
        ("/smoker", "No"),
        ("/medications/0/name", "Lisinopril"),
        ("/medications/0/dose", "10 mg"),
        ("/medications/1/name", "Aspirin"),
        ("/concerns/0", "Cough"),
        ("/concerns/1", "Rash"),
    ]


@pytest.mark.parametrize(
    ("asked", "answer", "pointer", "text"),
    [
        pytest.param(question("q", "boolean"), True, "/q", "Yes", id="yes"),
        pytest.param(question("q", "decimal"), 7.5, "/q", "7.5", id="a number"),
        pytest.param(
            question("q", "decimal", units=(Code(code="kg"),)),
            70,
            "/q",
            "70 kg",
            id="a number with its unit",
        ),
        pytest.param(
            question("q", "quantity"),
            {"value": 10, "unit": "mg"},
            "/q",
            "10 mg",
            id="an amount",
        ),
        pytest.param(question("q", "quantity"), {"value": 2}, "/q", "2", id="no unit"),
        pytest.param(
            question("q", "choice", options=(Option(code="LA1", display="Often"),)),
            "LA1",
            "/q",
            "Often",
            id="the words of an option",
        ),
        pytest.param(choice("q", "red"), "red", "/q", "red", id="an option's code"),
        pytest.param(choice("q", "red"), "blue", "/q", "blue", id="no option any more"),
        pytest.param(
            choice("q", "red", kind="open-choice"),
            {"other": "pink"},
            "/q/other",
            "pink",
            id="the patient's own words",
        ),
        pytest.param(question("a/b~"), "x", "/a~1b~0", "x", id="an odd link id"),
    ],
)
def test_an_answer_is_told_in_the_words_that_the_patient_saw(
    asked, answer, pointer, text
):
    assert told(asks(asked), {asked.link_id: answer}) == [(pointer, text)]


def test_a_statement_says_what_was_asked_and_to_which_entry_it_belongs():
    definition = asks(
        entries(
            "medications",
            question("a", text="What is it?", facet=Facet.NAME),
            question("how-often"),
            topic=Topic.MEDICATIONS,
        )
    )

    first, second = statements_of(
        definition, {"medications": [{"a": "Aspirin", "how-often": "daily"}]}
    )

    assert first == Statement(
        answer="/medications/0/a",
        question="What is it?",
        text="Aspirin",
        topic=Topic.MEDICATIONS,
        entry="/medications/0",
        facet=Facet.NAME,
    )
    assert second.facet is Facet.FREQUENCY
    assert second.entry == first.entry


def test_what_a_questionnaire_says_it_is_about_counts_before_any_guess():
    page = group(
        "allergies",
        question("a", text="Which medicine?"),
        question("b", text="Your concerns?", topic=Topic.HISTORY),
        topic=Topic.SAFETY,
    )

    assert topics(page, a="x", b="x") == [Topic.SAFETY, Topic.HISTORY]


def test_what_a_list_is_about_counts_before_what_a_part_of_it_sounds_like():
    medications = entries(
        "meds", question("name"), question("why", text="What is the reason?")
    )

    assert topics(medications, meds=[{"name": "x", "why": "y"}]) == [
        Topic.MEDICATIONS,
        Topic.MEDICATIONS,
    ]


def test_what_a_page_is_about_counts_only_where_a_question_says_nothing():
    page = group("allergies", question("list"), question("your-medicines"))

    assert topics(page, **{"list": "x", "your-medicines": "y"}) == [
        Topic.ALLERGIES,
        Topic.MEDICATIONS,
    ]


def test_the_illnesses_of_the_family_are_not_the_patients():
    family = group("family", question("problems"), question("conditions"))

    assert topics(family, problems="x", conditions="y") == [None, None]


def test_a_terminologys_words_for_a_question_count_too():
    asked = question("q1", codes=(Code(code="82810-3", display="Pregnancy status"),))

    assert topics(asked, q1="x") == [Topic.PREGNANCY]


def test_a_question_of_a_score_tells_nothing_alone_unless_it_is_about_safety():
    options = (Option(code="often", score=3),)
    definition = asks(
        question("a", "choice", text="Any other problem", options=options),
        question("b", "choice", text="Hurting yourself", options=options),
        scores=(scale("a", "b"),),
    )

    found = statements_of(definition, {"a": "often", "b": "often"})

    assert [s.topic for s in found] == [None, Topic.SAFETY]


def test_a_free_form_is_told_leaf_by_leaf_in_the_words_of_its_keys():
    answers = {
        "question1": "answer1",
        "current_medications": ["drug1", "drug2"],
        "allergyList": [{"substance": "Penicillin", "reaction": "rash"}],
        "smoker": True,
        "pain": 7,
        "nothing": None,
        "blank": " ",
        "empty": [{}],
    }

    found = statements_of(None, answers)

    assert found == (
        Statement(
            answer="/allergyList/0/reaction",
            question="reaction",
            text="rash",
            topic=Topic.ALLERGIES,
            entry="/allergyList/0",
            facet=Facet.REACTION,
        ),
        Statement(
            answer="/allergyList/0/substance",
            question="substance",
            text="Penicillin",
            topic=Topic.ALLERGIES,
            entry="/allergyList/0",
            facet=Facet.NAME,
        ),
        Statement(
            answer="/current_medications/0",
            question="current medications",
            text="drug1",
            topic=Topic.MEDICATIONS,
        ),
        Statement(
            answer="/current_medications/1",
            question="current medications",
            text="drug2",
            topic=Topic.MEDICATIONS,
        ),
        Statement(answer="/pain", question="pain", text="7"),
        Statement(answer="/question1", question="question1", text="answer1"),
        Statement(answer="/smoker", question="smoker", text="Yes"),
    )


def test_the_order_in_which_a_database_keeps_the_keys_makes_no_difference():
    said = {"b": "two", "aa": {"y": "1", "x": "2"}}
    kept = {"aa": {"x": "2", "y": "1"}, "b": "two"}

    assert statements_of(None, said) == statements_of(None, kept)


def test_in_an_entry_whose_parts_say_nothing_the_first_is_the_name():
    found = statements_of(None, {"meds": [{"x": "Aspirin", "y": "z", "dose": "1"}]})

    assert [s.facet for s in found] == [Facet.DOSE, Facet.NAME, None]


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("What brings you in today?", Topic.REASON),
        ("reason_for_visit", Topic.REASON),
        ("What is today's visit about?", Topic.REASON),
        ("chiefComplaint", Topic.REASON),
        ("Your main concerns", Topic.CONCERNS),
        ("Any symptoms?", Topic.CONCERNS),
        ("currentMedications", Topic.MEDICATIONS),
        ("Which drugs or supplements do you take?", Topic.MEDICATIONS),
        ("meds", Topic.MEDICATIONS),
        ("Medicines, also those of your family doctor or pharmacy", Topic.MEDICATIONS),
        ("What are you currently taking?", Topic.MEDICATIONS),
        ("Pills, inhalers, vitamins", Topic.MEDICATIONS),
        ("Are you allergic to any medicine?", Topic.ALLERGIES),
        ("I agree to tell you of all my allergies", Topic.ALLERGIES),
        ("drug_allergies", Topic.ALLERGIES),
        ("medical-history", Topic.HISTORY),
        ("Past surgeries", Topic.HISTORY),
        ("Chronic conditions", Topic.HISTORY),
        ("Are you pregnant?", Topic.PREGNANCY),
        ("Estimated delivery date", Topic.PREGNANCY),
        ("Thoughts that you would be better off dead", Topic.SAFETY),
        ("Do you feel safe at home?", Topic.SAFETY),
        ("History of substance abuse", Topic.HISTORY),
        ("Family history of diabetes", None),
        ("Family medical history", None),
        ("Which allergies run in your family?", None),
        ("Do you or anyone in your family have allergies?", Topic.ALLERGIES),
        ("Do you use recreational drugs?", None),
        ("Preferred pharmacy", None),
        ("Consent for treatment", None),
        ("Last name", None),
        ("", None),
    ],
)
def test_the_topic_of_a_question_is_guessed_from_its_words(words, topic):
    assert topic_of(words) is topic


@pytest.mark.parametrize(
    ("words", "facet"),
    [
        (("medication-name", "What is it called?"), Facet.NAME),
        (("allergy-substance",), Facet.NAME),
        (("medication-dose",), Facet.DOSE),
        (("strength",), Facet.DOSE),
        (("How often do you take this medicine?",), Facet.FREQUENCY),
        (("allergy-reaction",), Facet.REACTION),
        (("What happens?",), Facet.REACTION),
        (("medication-note",), Facet.NOTE),
        (("allergy-onset",), Facet.NOTE),
        (("colour",), None),
    ],
)
def test_the_part_of_an_entry_is_guessed_from_its_words(words, facet):
    assert facet_of(*words) is facet


def leaves(value):
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    if isinstance(value, list):
        return sum(map(leaves, value))
    return int(value is not None and bool(str(value).strip()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


def at(pointer, value):
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@given(st.dictionaries(st.text("ab/~", max_size=3), JSON))
def test_no_answer_of_a_free_form_is_lost_and_each_is_found_by_its_pointer(answers):
    found = statements_of(None, answers)

    assert len(found) == leaves(answers)
    for statement in found:
        value = at(statement.answer, answers)
        shown = {True: "Yes", False: "No"}[value] if isinstance(value, bool) else value
        assert statement.text == str(shown)


@given(st.data())
def test_no_answer_to_a_questionnaire_is_lost_and_no_two_share_a_pointer(data):
    definition = data.draw(definitions())
    raw = data.draw(answers_to(definition))
    answers = check_answers(definition, raw, complete=False).answers

    found = statements_of(definition, answers)

    pointers = [statement.answer for statement in found]
    assert len(set(pointers)) == len(pointers) == count(definition.items, answers)


def count(items, answers):
    total = 0
    for item in items:
        value = answers.get(item.link_id)
        if item.is_list:
            total += sum(count(item.items, entry) for entry in value or [])
            continue
        total += count(item.items, answers)
        if value is not None:
            total += len(value) if item.repeats else 1
    return total
