from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicflow_core.entities.summary import Source, Statement, Topic
from clinicflow_core.intake.doses import quantities
from clinicflow_core.intake.extractive import (
    ENOUGH_SOURCES,
    MOST_NAMED,
    Extractive,
    digest_of,
)
from clinicflow_core.ports import Summarizer
from tests.builders import patient
from tests.core.intake.saying import ALLERGIES, MEDICATIONS, entry, free, talk, told


def test_an_entry_is_one_item_word_for_word_with_a_source_for_each_part():
    zestril = entry(
        Topic.MEDICATIONS, name="Lisinopril", dose="10 mg", frequency="daily"
    )

    (item,) = digest_of(zestril).medications

    assert item.text == "Lisinopril 10 mg daily"
    assert item.sources == (
        Source("/medications/0/name", "Lisinopril"),
        Source("/medications/0/dose", "10 mg"),
        Source("/medications/0/frequency", "daily"),
    )


@pytest.mark.parametrize(
    ("facets", "text"),
    [
        pytest.param({"name": "Penicillin", "reaction": "rash"}, "Penicillin (rash)"),
        pytest.param({"name": "Latex"}, "Latex"),
        pytest.param(
            {"name": "Cats", "reaction": "hives", "note": "mild"}, "Cats (hives, mild)"
        ),
        pytest.param({"reaction": "rash"}, "(rash)"),
        pytest.param({"name": "Latex", "reaction": " "}, "Latex"),
    ],
)
def test_an_allergy_entry_names_its_reaction(facets, text):
    assert told(*entry(Topic.ALLERGIES, **facets)) == {"allergies": [text]}


def test_parts_of_an_entry_that_say_the_same_kind_of_thing_stand_together():
    name, more = entry(Topic.MEDICATIONS, name="Zocor", note="in the fridge")
    also = Statement(
        answer="/medications/0/also",
        question="also",
        text="for my heart",
        topic=Topic.MEDICATIONS,
        entry=more.entry,
        facet=more.facet,
    )

    found = told(name, more, also)

    assert found == {"medications": ["Zocor (in the fridge for my heart)"]}


def test_each_entry_stays_an_item_of_its_own_even_if_it_is_said_twice():
    first = entry(Topic.MEDICATIONS, 0, name="aspirin", dose="81 mg")
    second = entry(Topic.MEDICATIONS, 1, name="aspirin", dose="325 mg")

    found = told(*first, *second)

    assert found == {"medications": ["aspirin 81 mg", "aspirin 325 mg"]}


def test_an_entry_that_says_none_is_a_denial():
    medication = entry(Topic.MEDICATIONS, name="none")
    allergy = entry(Topic.ALLERGIES, name="NKDA")

    found = told(*medication, *allergy)

    assert found == {"denials": ["Takes no medications", "No known drug allergies"]}


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param(
            ["What do you take?", "Lisinopril, metformin and a water pill."],
            ["Lisinopril", "metformin", "water pill"],
            id="a list in reply",
        ),
        pytest.param(["Are you on Zocor?", "Yes."], ["Zocor"], id="agreed to"),
        pytest.param(
            ["Are you on Zocor?", "Which one?", "The Zocor.", "Yes."],
            ["Zocor"],
            id="agreed to after a question back",
        ),
        pytest.param(["Are you on Zocor?", "No."], [], id="denied"),
        pytest.param(["Are you on Zocor?", "Hm."], [], id="neither"),
        pytest.param(
            ["Are you on Zocor?", "Twice a day."], ["Zocor Twice a day"], id="by dose"
        ),
        pytest.param(["You take Zocor.", "Hm."], ["Zocor"], id="told by the clinician"),
        pytest.param(["You take Zocor.", "No, never."], [], id="told wrongly"),
        pytest.param(
            ["I see you take Zocor. How old are you?", "Sixty."],
            ["Zocor"],
            id="told in passing",
        ),
        pytest.param(
            ["I will prescribe Zocor.", "Okay."], ["Zocor"], id="prescribed now"
        ),
        pytest.param(["I will give you antibiotics.", "Okay."], [], id="not named"),
        pytest.param(
            ["It is called Cylert, a stimulant.", "Okay."], ["Cylert"], id="named then"
        ),
        pytest.param(["I used Versed for it.", "Okay."], [], id="used by a clinician"),
        pytest.param(["I'll use Versed for it.", "Okay."], [], id="to be used"),
        pytest.param(["You got Versed then.", "Yes."], [], id="given then"),
        pytest.param(["How is the Zocor?", "Not great."], ["Zocor"], id="presupposed"),
        pytest.param(
            ["How much aspirin do you take?", "Some."], ["aspirin"], id="how much"
        ),
        pytest.param(
            ["What do you take?", "Pain pills.", "What are they called?", "Vicodin."],
            ["Vicodin"],
            id="a kind, then its name",
        ),
        pytest.param(
            ["What do you take?", "Zocor.", "Which ones else?", "Lasix."],
            ["Zocor", "Lasix"],
            id="a name, then another",
        ),
        pytest.param(
            ["Are you on a blood thinner?", "Yes."], ["blood thinner"], id="a kind"
        ),
        pytest.param(
            ["Are you on a blood thinner?", "Yes, Coumadin."],
            ["Coumadin"],
            id="a kind with its name",
        ),
        pytest.param(["You take a statin.", "Hm."], [], id="a kind that is only told"),
        pytest.param(
            ["What do you take?", "It's a kind of statin that I like."],
            [],
            id="a kind in passing",
        ),
        pytest.param(["What do you take?", "Zyxolan."], ["Zyxolan"], id="unknown"),
        pytest.param(["What do you take?", "Nothing."], [], id="nothing"),
        pytest.param(["Where does it hurt?", "Lasix."], ["Lasix"], id="unasked"),
        pytest.param(["what do you take?", "metformin"], ["metformin"], id="one word"),
        pytest.param(
            ["I have Zocor and Lasix here, is that right?", "That's right."],
            ["Zocor", "Lasix"],
            id="read to the patient",
        ),
        pytest.param(
            ["Your chart says Zocor and Lasix.", "Yes."],
            ["Zocor", "Lasix"],
            id="read from the chart",
        ),
        pytest.param(
            ["Do I see Zocor?", "Yes.", "Lasix can hurt the kidneys.", "Yes."],
            ["Zocor"],
            id="not of the chart",
        ),
        pytest.param(
            ["Can you read it?", "H C T Z 25, Lisinopril twenty, Zocor forty."],
            ["H C T Z 25", "Lisinopril 20", "Zocor 40"],
            id="with doses",
        ),
        pytest.param(
            ["What do you take?", "Zocor and Lasix.", "How often?", "Both at night."],
            ["Zocor at night", "Lasix at night"],
            id="how often of all",
        ),
        pytest.param(
            ["What do you take?", "Zocor and Lasix.", "How?", "I swallow them all."],
            ["Zocor", "Lasix"],
            id="nothing of all",
        ),
        pytest.param(
            [
                "Do you take your diabetes medication?",
                "Micronase?",
                "Yes.",
                "Yeah, every day.",
            ],
            ["Micronase every day"],
            id="asked back",
        ),
        pytest.param(
            ["Do you take your diabetes medication?", "Who?", "You.", "Yes."],
            ["diabetes medication"],
            id="asked back for nothing",
        ),
        pytest.param(
            ["Do you take Vicodin or Percocet?", "The Vicodin."],
            ["Vicodin"],
            id="one of two",
        ),
        pytest.param(
            ["Which thinner do you take, Eliquis?", "It's Warfarin."],
            ["Warfarin"],
            id="corrected",
        ),
        pytest.param(
            ["Which insulin do you take?", "NovoLog."],
            ["NovoLog"],
            id="which of a kind",
        ),
        pytest.param(
            ["Do you take pain pills?", "Yes. Vicodin."], ["Vicodin"], id="named after"
        ),
        pytest.param(
            ["Do you take insulin?", "My mother takes insulin."], [], id="of kin"
        ),
        pytest.param(
            ["Besides the Zocor, anything else?", "Lasix."],
            ["Zocor", "Lasix"],
            id="besides",
        ),
        pytest.param(
            ["It is better than Zocor, is it not?", "Lasix is."],
            ["Lasix"],
            id="compared",
        ),
        pytest.param(
            ["Are you on Prozac?", "No, I tried Prozac. Now it's Effexor."],
            ["Effexor"],
            id="tried",
        ),
        pytest.param(
            ["Any changes in your medications, Zocor and Lasix?", "No changes."],
            ["Zocor", "Lasix"],
            id="no changes",
        ),
        pytest.param(
            [
                "What do you take?",
                "I'm on Paxil, twenty milligrams, and Zocor at night",
            ],
            ["Paxil 20 mg", "Zocor at night"],
            id="doses after the names",
        ),
        pytest.param(
            ["What do you take?", "I take twenty M G of Paxil and ten M G of Zocor."],
            ["Paxil 20 mg", "Zocor 10 mg"],
            id="doses before the names",
        ),
        pytest.param(
            ["Do you take Benicar?", "Yes, twenty daily."],
            ["Benicar 20 daily"],
            id="a dose without a unit",
        ),
        pytest.param(
            [
                "Do you take Benicar?",
                "Yes.",
                "How often?",
                "Every eight hours. Always.",
            ],
            ["Benicar Every 8 hours"],
            id="a dose later",
        ),
        pytest.param(
            ["Do you take Benicar?", "Yes.", "How much?", "5 mg instead of 10 mg."],
            ["Benicar 5 mg"],
            id="a dose that was changed",
        ),
        pytest.param(
            ["Do you take Benicar?", "Yes, for 5 years."], ["Benicar"], id="no dose"
        ),
        pytest.param(
            ["What do you take?", "Zocor 5 mg.", "Zocor?", "Yes. Zocor at night."],
            ["Zocor 5 mg at night"],
            id="the same drug again",
        ),
    ],
)
def test_a_talk_tells_what_is_taken(turns, found):
    assert told(talk(*turns)).get("medications", []) == found


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param(
            ["Are you on Zocor?", "Not anymore, I stopped."],
            ["Stopped Zocor"],
            id="stopped",
        ),
        pytest.param(
            ["When were you on Zocor?", "Two years ago."],
            ["Stopped Zocor"],
            id="was on",
        ),
        pytest.param(
            ["Do you take Zocor?", "Only two years ago."], ["Took Zocor"], id="once"
        ),
        pytest.param(["Stop the Zocor.", "Okay."], ["Stopped Zocor"], id="by order"),
        pytest.param(["Hello.", "I took Advil."], ["Took Advil"], id="took"),
        pytest.param(
            ["Have you tried Advil?", "Yes."], ["Took Advil"], id="tried, agreed to"
        ),
        pytest.param(["What is it?", "Is it Advil?"], [], id="a question back"),
    ],
)
def test_what_is_taken_no_longer_is_a_note(turns, found):
    result = told(talk(*turns))

    assert result.get("notes", []) == found
    assert "medications" not in result


def test_what_was_said_last_of_a_drug_counts():
    stopped = told(free("I take Zocor. I stopped Zocor."))
    again = told(free("I stopped Zocor. Now I take Zocor."))

    assert stopped == {"notes": ["Stopped Zocor"]}
    assert again == {"medications": ["Zocor"]}


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param(["Any allergies?", "Penicillin."], ["Penicillin"], id="in reply"),
        pytest.param(
            ["Any allergies?", "Yes, eggs and latex gloves."],
            ["eggs", "latex gloves"],
            id="foods and things",
        ),
        pytest.param(
            ["Are you allergic to sulfa?", "Yes, I get hives."],
            ["sulfa (hives)"],
            id="agreed to, with the reaction",
        ),
        pytest.param(
            [
                "Any allergies?",
                "Lortab.",
                "What happens when you take it?",
                "Bad hives.",
            ],
            ["Lortab (hives)"],
            id="the reaction later",
        ),
        pytest.param(
            ["Any allergies?", "Lortab.", "What happens?", "No hives, nothing."],
            ["Lortab"],
            id="no reaction",
        ),
        pytest.param(
            ["What happens when you take Sulfa?", "A rash."],
            ["Sulfa (rash)"],
            id="asked by its reaction",
        ),
        pytest.param(
            ["Any other allergies besides Penicillin?", "No."],
            ["Penicillin"],
            id="taken for granted",
        ),
        pytest.param(
            ["Any allergies?", "Cipro-", "Ciprofloxacin?", "Yes."],
            ["Ciprofloxacin"],
            id="broken off, said again in full",
        ),
        pytest.param(
            ["Hello.", "I'm allergic to strawberry jam, blue paint and it."],
            ["strawberry jam", "blue paint"],
            id="unknown to us",
        ),
        pytest.param(
            ["Any allergies?", "And Zyxolan makes me sick."],
            ["Zyxolan (sick)"],
            id="a drug unknown to us",
        ),
        pytest.param(
            ["What are you allergic to?", "Zyxolan."], ["Zyxolan"], id="a bare answer"
        ),
        pytest.param(["Any allergies?", "I took Advil."], [], id="what was taken"),
        pytest.param(
            ["Can you take aspirin?", "No, I'm allergic to it."], ["aspirin"], id="it"
        ),
        pytest.param(
            ["Do any medicines bother you?", "Zocor, I'm allergic to it."],
            ["Zocor"],
            id="named before",
        ),
        pytest.param(
            ["Any allergies?", "Wasps. I have an EpiPen."], ["Wasps"], id="a rescue"
        ),
        pytest.param(
            ["Do you react to any metals?", "Nickel."], ["Nickel"], id="which of a kind"
        ),
        pytest.param(
            ["Are you allergic to penicillin?", "No, sulfa."], ["sulfa"], id="another"
        ),
        pytest.param(
            ["Any allergies?", "My brother is allergic to bees."], [], id="of kin"
        ),
        pytest.param(
            ["Are you better than on Zocor?", "Yes."], [], id="what was compared"
        ),
        pytest.param(["Are you allergic to sulfa?", "No."], [], id="denied"),
        pytest.param(["You are not allergic to sulfa?", "Yes."], [], id="denied, yes"),
    ],
)
def test_a_talk_tells_what_somebody_is_allergic_to(turns, found):
    assert told(talk(*turns)).get("allergies", []) == found


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param(["Any allergies?", "No."], ["No known allergies"], id="allergies"),
        pytest.param(
            ["Any drug allergies?", "Nope."], ["No known drug allergies"], id="to drugs"
        ),
        pytest.param(
            ["Any food allergies?", "No."], ["No food allergies"], id="to foods"
        ),
        pytest.param(
            ["You take no medications?", "That's right."],
            ["Takes no medications"],
            id="a yes to a no",
        ),
        pytest.param(
            ["Any allergies?", "What?", "To anything.", "No, I'm fine."],
            ["No known allergies"],
            id="after a question back",
        ),
        pytest.param(
            ["Any allergies?", "No. I have no drug allergies."],
            ["No known allergies"],
            id="the broadest counts",
        ),
        pytest.param(
            ["Hello.", "I take no meds."], ["Takes no medications"], id="told"
        ),
        pytest.param(
            ["Any allergies?", "None.", "Are you sure?", "No doubt."],
            ["No known allergies"],
            id="asked twice",
        ),
        pytest.param(["It could be an allergic reaction.", "No."], [], id="not asked"),
        pytest.param(["Any other allergies?", "No."], [], id="no others"),
        pytest.param(
            ["Allergic to sulfa?", "No.", "Any other allergies?", "No."],
            ["No known allergies"],
            id="neither this nor others",
        ),
        pytest.param(
            ["Any problems with drugs?", "I couldn't tolerate Zocor."],
            [],
            id="not of what is not tolerated",
        ),
        pytest.param(["Any drugs?", "No."], [], id="another kind of drugs"),
        pytest.param(
            ["Any allergies?", "To eggs.", "Any medication?", "No."],
            [],
            id="only more allergies asked for",
        ),
    ],
)
def test_a_talk_tells_what_is_denied(turns, found):
    assert told(talk(*turns)).get("denials", []) == found


def test_a_form_may_ask_for_one_thing_with_yes_or_no():
    thinner = free("Yes", "Do you take blood thinners", topic=Topic.MEDICATIONS)
    latex = free("Yes", "Latex allergy", topic=Topic.ALLERGIES)
    sulfa = free("No", "Are you allergic to sulfa?", topic=Topic.ALLERGIES)

    found = told(thinner, latex, sulfa)

    assert found == {"medications": ["blood thinners"], "allergies": ["Latex"]}


def test_a_drug_that_a_list_has_is_not_added_from_talk():
    zestril = entry(Topic.MEDICATIONS, name="Zestril", dose="10 mg")

    found = told(*zestril, free("I take Zestril. I take lisinopril. And Lasix."))

    assert found["medications"] == ["Zestril 10 mg", "Lasix"]


def test_what_only_says_it_again_is_no_further_source():
    said = free(" ".join(f"I take Zocor, day {n}." for n in range(9)))

    (item,) = digest_of([said]).medications

    assert len(item.sources) == ENOUGH_SOURCES


def test_details_have_an_end():
    told_often = "I take aspirin. " + " ".join(f"Zocor {n} mg." for n in range(1, 50))

    (item, *_) = digest_of([talk("What do you take?", told_often)]).medications

    assert item.text == "aspirin"


def test_a_dose_told_on_and_on_has_an_end():
    on_and_on = " ".join(f"It is {n} mg." for n in range(1, 50))

    (item,) = digest_of([talk("What do you take?", f"Zocor. {on_and_on}")]).medications

    assert len(quantities(item.text)) == 12


def test_the_same_drug_told_on_and_on_has_an_end():
    on_and_on = " ".join(f"I take Zocor {n} mg." for n in range(1, 50))

    (item,) = digest_of([free(on_and_on)]).medications

    assert len(quantities(item.text)) == 12


def test_the_summary_is_composed_of_what_the_lists_say():
    statements = [
        free("Headaches for two weeks", "Reason", topic=Topic.REASON),
        *entry(Topic.MEDICATIONS, name="Zocor", dose="5 mg"),
        *entry(Topic.ALLERGIES, name="Latex", reaction="rash"),
    ]

    summary = digest_of(statements).summary

    assert [item.text for item in summary] == [
        "Comes for Headaches for two weeks.",
        "Takes Zocor 5 mg.",
        "Allergic to Latex (rash).",
    ]
    assert summary[1].sources == (
        Source("/medications/0/name", "Zocor"),
        Source("/medications/0/dose", "5 mg"),
    )


def test_the_summary_says_what_is_denied():
    statements = [
        free("None", MEDICATIONS, topic=Topic.MEDICATIONS),
        free("None", ALLERGIES, topic=Topic.ALLERGIES),
    ]

    summary = digest_of(statements).summary

    assert [item.text for item in summary] == [
        "Takes no medications.",
        "No known allergies.",
    ]


def test_the_summary_names_only_the_first_of_many():
    text = ", ".join(f"Zyxolan{n}" for n in range(MOST_NAMED + 1))

    (sentence,) = digest_of([free(text, topic=Topic.MEDICATIONS)]).summary

    assert sentence.text.endswith(f"Zyxolan{MOST_NAMED - 1}, among others.")


def test_nothing_said_is_nothing_found():
    assert told(free(" "), free("", topic=Topic.MEDICATIONS)) == {}
    assert digest_of([]).summary == ()


def test_the_summarizer_quotes_whatever_patient_it_is():
    summarizer: Summarizer = Extractive()
    statements = entry(Topic.MEDICATIONS, name="Zocor")

    found = summarizer.summarize(statements, patient())

    assert summarizer.model_version == "extractive-1"
    assert found == digest_of(statements)


WORDS = """
I take stopped Zocor aspirin 5 mg daily not no yes allergic to eggs Penicillin rash and
hives , . ? but twice a day any allergies medications cats chest pain my mother gives me
on Zyxolan prescribed for the Doctor: Patient:
"""


@given(
    st.lists(st.sampled_from([*WORDS.split(), "\n"]), max_size=40).map(" ".join),
    st.sampled_from([None, *Topic]),
    st.sampled_from([MEDICATIONS, ALLERGIES, "Are you pregnant?", "dialogue"]),
)
@settings(max_examples=300)
def test_all_that_is_said_stands_in_the_answer_with_its_numbers(text, topic, question):
    digest = digest_of([free(text, question, topic=topic)])

    for name, items in digest.lists():
        for item in items:
            assert item.sources, name
            words = " \n".join(source.words for source in item.sources)
            assert all(source.words in text for source in item.sources)
            told_of = {each.amount for each in quantities(f"{words} \n{question}")}
            assert {each.amount for each in quantities(item.text)} <= told_of


@given(st.text(max_size=300), st.sampled_from([None, *Topic]))
def test_no_text_is_too_odd(text, topic):
    digest_of([free(text, topic=topic)])


@pytest.mark.parametrize(
    "unit",
    [
        "no no no ",
        "aspirin ",
        "aspirin, daily, ",
        "1",
        "1/",
        '"',
        "(",
        "I take ",
        "okay ",
        "not allergic to ",
        "Doctor: Any allergies?\nPatient: Eggs.\nDoctor: How old are you?\n",
        "I take aspirin 1 mg. ",
        "chest pain. ",
    ],
)
@pytest.mark.parametrize("topic", [None, Topic.MEDICATIONS, Topic.ALLERGIES])
def test_ten_times_the_text_takes_about_ten_times_as_long(unit, topic):
    def seconds(size):
        statement = free(unit * (size // len(unit)), topic=topic)
        begin = process_time()
        digest_of([statement])
        return process_time() - begin

    seconds(1_000)  # Reads the lists.
    short = min(seconds(1_000) for _ in range(3))
    long = min(seconds(10_000) for _ in range(2))

    # A quadratic cost would be a hundred times as much.
    assert long < 30 * short + 0.05


def test_a_question_stays_one_in_the_sentence_that_names_it():
    asked = digest_of([free("Is my pill safe for the baby?", topic=Topic.REASON)])

    assert [item.text for item in asked.summary] == [
        "Comes for Is my pill safe for the baby?"
    ]


@pytest.mark.parametrize(
    "question",
    [
        "Do you take any medicines now? Think of pills, creams, inhalers and vitamins.",
        "Are you allergic to anything? Think of latex, eggs and insect stings.",
    ],
)
def test_the_hints_behind_a_question_are_nothing_that_was_said(question):
    topic = Topic.ALLERGIES if "allergic" in question else Topic.MEDICATIONS

    digest = digest_of(
        [Statement(answer="/a", question=question, text="Yes", topic=topic)]
    )

    assert (digest.medications, digest.allergies) == ((), ())
