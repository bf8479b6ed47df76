from __future__ import annotations

import random

import pytest
from attrs import evolve, fields_dict
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.summary import (
    Digest,
    DropReason,
    Facet,
    Source,
    Statement,
    SummaryItem,
    Topic,
)
from clinicflow_core.intake.extractive import digest_of
from clinicflow_core.intake.grounding import Grounded, ground
from tests.core.intake.forms import DRUGS, form
from tests.core.intake.oracle import ungrounded


def said(answer, text, topic=None, question="Tell us"):
    return Statement(answer=answer, question=question, text=text, topic=topic)


def entry_of(topic, place, **facets):
    """Return an entry of the list about *topic*, a statement for each facet."""
    entry = f"/{topic.value}/{place}"
    return tuple(
        Statement(
            answer=f"{entry}/{facet}",
            question=facet,
            text=text,
            topic=topic,
            entry=entry,
            facet=Facet(facet),
        )
        for facet, text in facets.items()
    )


FREE = (
    "I take aspirin 81 mg daily and atorvastatin 20 mg at night, for my heart. "
    "I stopped warfarin last year. I'm not allergic to sulfa but latex gives me hives."
)
TALK = (
    "Doctor: Any allergies?\nPatient: No.\n"
    "Doctor: Are you allergic to penicillin?\nPatient: Nope.\n"
    "Doctor: Do you take any medicine?\nPatient: Twenty M G of Lexapro once a day."
)
FORM = (
    said("/reason", "I have headaches for two weeks and no chest pain", Topic.REASON),
    *entry_of(
        Topic.MEDICATIONS, 0, name="Lisinopril", dose="10 mg", frequency="twice a day"
    ),
    *entry_of(Topic.MEDICATIONS, 1, name="Metformin", dose="500 mg"),
    *entry_of(Topic.MEDICATIONS, 2, name="Zorblax", dose="3 drops"),
    *entry_of(Topic.ALLERGIES, 0, name="Penicillin", reaction="rash"),
    *entry_of(Topic.ALLERGIES, 1, name="Peanuts", reaction="throat swells"),
    said("/smokes", "No", question="Do you smoke?"),
    said("/pregnant", "Yes", Topic.PREGNANCY, "Are you pregnant?"),
    said("/statin", "Yes, 40 mg", question="Do you take Lipitor?"),
    said("/mood", "Several days", question="Little interest in doing things?"),
    said("/unsure", "I'm not sure", question="Do you take blood thinners?"),
    said("/more", FREE),
    said("/talk", TALK, question="dialogue"),
)
SOURCES = {
    "reason": ("/reason", "headaches for two weeks and no chest pain"),
    "lisinopril": ("/medications/0/name", "Lisinopril"),
    "10 mg": ("/medications/0/dose", "10 mg"),
    "twice": ("/medications/0/frequency", "twice a day"),
    "metformin": ("/medications/1/name", "Metformin"),
    "500 mg": ("/medications/1/dose", "500 mg"),
    "zorblax": ("/medications/2/name", "Zorblax"),
    "3 drops": ("/medications/2/dose", "3 drops"),
    "penicillin": ("/allergies/0/name", "Penicillin"),
    "rash": ("/allergies/0/reaction", "rash"),
    "peanuts": ("/allergies/1/name", "Peanuts"),
    "swells": ("/allergies/1/reaction", "throat swells"),
    "smokes": ("/smokes", "No"),
    "pregnant": ("/pregnant", "Yes"),
    "statin": ("/statin", "Yes, 40 mg"),
    "mood": ("/mood", "Several days"),
    "unsure": ("/unsure", "I'm not sure"),
}


def judge(name: str, text: str, *sources: str | tuple[str, str]) -> str:
    """Return what becomes of an item, as "kept" or as the reason why not."""
    quoted = tuple(Source(*SOURCES.get(each, each)) for each in sources)
    return outcome(name, SummaryItem(text=text, sources=quoted))


def outcome(name, item, statements=FORM, known=Digest()):  # noqa: B008  Frozen.
    grounded = ground(Digest(**{name: (item,)}), statements, known)
    reasons = [each.reason.value for each in grounded.dropped]
    return reasons[0] if reasons else "kept"


def more(words: str) -> tuple[str, str]:
    return "/more", words


def talk(words: str) -> tuple[str, str]:
    return "/talk", words


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("Lisinopril", ["lisinopril"]),
        ("Lisinopril 10 mg twice a day", ["lisinopril", "10 mg", "twice"]),
        ("lisinopril 10mg b.i.d.", ["lisinopril", "10 mg", "twice"]),
        ("Lisinopril, ten milligrams", ["lisinopril", "10 mg"]),
        ("Takes Lisinopril.", ["lisinopril"]),
        ("10 mg Lisinopril", ["lisinopril", "10 mg"]),
        ("Zorblax 3 drops", ["zorblax", "3 drops"]),
        ("aspirin 81 mg daily", [more("aspirin 81 mg daily")]),
        ("Atorvastatin 20 mg at bedtime", [more("atorvastatin 20 mg at night")]),
        ("Aspirin 81 mg", [more("ASPIRIN"), more("81  mg")]),
        ("Atorvastatin 20 mg", [more(FREE)]),
        ("Lexapro 20 mg once a day", [talk("Twenty M G of Lexapro once a day")]),
        ("Lipitor 40 mg", ["statin"]),
    ],
)
def test_a_medication_stays_as_the_patient_takes_it(text, sources):
    assert judge("medications", text, *sources) == "kept"


@pytest.mark.parametrize(
    ("text", "sources", "reason"),
    [
        pytest.param(
            "Losartan 10 mg", ["lisinopril", "10 mg"], "unsupported", id="drug"
        ),
        pytest.param("Lisinopril 100 mg", ["lisinopril", "10 mg"], "number", id="dose"),
        pytest.param("Lisinopril 10 mcg", ["lisinopril", "10 mg"], "number", id="unit"),
        pytest.param("Lisinopril 10", ["lisinopril", "10 mg"], "number", id="no unit"),
        pytest.param(
            "Lisinopril once daily", ["lisinopril", "twice"], "number", id="how often"
        ),
        pytest.param(
            "Lisinopril 500 mg", ["lisinopril", "500 mg"], "number", id="another's dose"
        ),
        pytest.param(
            "atorvastatin 81 mg",
            [more("aspirin 81 mg daily and atorvastatin 20 mg")],
            "number",
            id="another's dose in one sentence",
        ),
        pytest.param(
            "aspirin 20 mg",
            [more("aspirin"), more("20 mg")],
            "number",
            id="glued words",
        ),
        pytest.param(
            "Metformin 3 drops", ["metformin", "3 drops"], "number", id="glued entries"
        ),
        pytest.param("warfarin", [more("warfarin")], "negation", id="stopped"),
        pytest.param("penicillin", ["penicillin"], "unsupported", id="an allergy"),
        pytest.param("latex", [more("latex gives")], "kept", id="a thing that is used"),
        pytest.param("sulfa", [more("sulfa")], "negation", id="no allergy either"),
        pytest.param(
            "No Lisinopril", ["lisinopril"], "negation", id="denied though taken"
        ),
        pytest.param(
            "Not taking Lisinopril", ["lisinopril"], "negation", id="not taken"
        ),
        pytest.param(
            "Lisinopril for gout", ["lisinopril"], "unsupported", id="invented purpose"
        ),
        pytest.param(
            "Lisinopril (stopped)", ["lisinopril"], "negation", id="an invented stop"
        ),
        pytest.param("blood thinners", ["unsure"], "unsupported", id="asked, no yes"),
        pytest.param("10 mg", ["10 mg"], "unsupported", id="a dose of nothing"),
        pytest.param("Takes medications", ["lisinopril"], "unsupported", id="nothing"),
    ],
)
def test_what_is_not_taken_so_is_no_medication(text, sources, reason):
    assert judge("medications", text, *sources) == reason


@pytest.mark.parametrize(
    ("text", "sources", "reason"),
    [
        pytest.param("Penicillin (rash)", ["penicillin", "rash"], "kept", id="entry"),
        pytest.param("penicillin - rash", ["penicillin", "rash"], "kept", id="dash"),
        pytest.param(
            "Peanuts (throat swells)", ["peanuts", "swells"], "kept", id="food"
        ),
        pytest.param(
            "Latex (hives)", [more("latex gives me hives")], "kept", id="free"
        ),
        pytest.param(
            "Penicillin (throat swells)",
            ["penicillin", "swells"],
            "unsupported",
            id="another's reaction",
        ),
        pytest.param(
            "Penicillin (anaphylaxis)",
            ["penicillin", "rash"],
            "unsupported",
            id="invented reaction",
        ),
        pytest.param("Sulfa", [more("allergic to sulfa")], "negation", id="denied"),
        pytest.param("Lisinopril", ["lisinopril"], "unsupported", id="a medication"),
        pytest.param("penicillin", [talk("penicillin")], "negation", id="answered no"),
        pytest.param("No known allergies", ["penicillin"], "negation", id="a denial"),
    ],
)
def test_an_allergy_stays_if_the_patient_has_it_with_its_own_reaction(
    text, sources, reason
):
    assert judge("allergies", text, *sources) == reason


@pytest.mark.parametrize(
    ("name", "text", "sources", "reason"),
    [
        pytest.param(
            "patient_concerns", "Headache for 2 weeks", ["reason"], "kept", id="stem"
        ),
        pytest.param(
            "patient_concerns", "Headaches for 3 weeks", ["reason"], "number", id="long"
        ),
        pytest.param(
            "patient_concerns", "Migraine", ["reason"], "unsupported", id="new"
        ),
        pytest.param("red_flags", "Chest pain", ["reason"], "negation", id="denied"),
        pytest.param(
            "red_flags", "No chest pain", ["reason"], "negation", id="no flag"
        ),
        pytest.param("denials", "Denies chest pain", ["reason"], "kept", id="denial"),
        pytest.param("denials", "Denies headaches", ["reason"], "negation", id="told"),
        pytest.param("denials", "Chest", ["reason"], "negation", id="no denial"),
        pytest.param("denials", "Does not smoke", ["smokes"], "kept", id="asked, no"),
        pytest.param("notes", "Smokes", ["smokes"], "negation", id="asked, no, told"),
        pytest.param("notes", "Pregnant", ["pregnant"], "kept", id="asked, yes"),
        pytest.param(
            "denials", "Not pregnant", ["pregnant"], "negation", id="asked, yes, denied"
        ),
        pytest.param(
            "notes", "Little interest: several days", ["mood"], "kept", id="asked how"
        ),
        pytest.param(
            "notes",
            "Takes blood thinners",
            ["unsure"],
            "unsupported",
            id="asked a drug",
        ),
        pytest.param(
            "notes",
            "Stopped warfarin",
            [more("stopped warfarin")],
            "kept",
            id="stopped",
        ),
        pytest.param(
            "notes",
            "Stopped aspirin",
            [more("aspirin 81 mg")],
            "negation",
            id="goes on",
        ),
        pytest.param("notes", "Patient reports", ["reason"], "unsupported", id="empty"),
        pytest.param(
            "summary",
            "Takes lisinopril 10 mg twice daily and metformin 500 mg.",
            ["lisinopril", "10 mg", "twice", "metformin", "500 mg"],
            "kept",
            id="two drugs",
        ),
        pytest.param(
            "summary",
            "Takes lisinopril 500 mg and metformin 10 mg.",
            ["lisinopril", "10 mg", "metformin", "500 mg"],
            "number",
            id="two drugs, doses swapped",
        ),
        pytest.param(
            "summary",
            "Takes Zorblax 10 mg.",
            ["zorblax", "lisinopril", "10 mg"],
            "number",
            id="a dose for a drug that no lexicon has",
        ),
        pytest.param(
            "summary",
            "Comes for headaches. Allergic to peanuts (throat swells).",
            ["reason", "peanuts", "swells"],
            "kept",
            id="two sentences",
        ),
        pytest.param(
            "summary",
            "Allergic to lisinopril.",
            ["lisinopril"],
            "unsupported",
            id="harm",
        ),
        pytest.param(
            "summary", "Takes penicillin.", ["penicillin"], "unsupported", id="no harm"
        ),
        pytest.param(
            "summary", "Takes warfarin.", [more("warfarin")], "negation", id="no longer"
        ),
    ],
)
def test_a_sentence_says_what_the_patient_said_with_its_negations(
    name, text, sources, reason
):
    known = Digest(medications=(SummaryItem(text="Zorblax", sources=(ZORBLAX,)),))
    quoted = tuple(Source(*SOURCES.get(each, each)) for each in sources)

    assert outcome(name, SummaryItem(text=text, sources=quoted), known=known) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("Takes Zorb Lax 3 drops.", "kept", id="whole"),
        pytest.param("Takes Zorb 3 drops.", "kept", id="in part"),
        pytest.param("Takes Zorb Lax 10 mg.", "number", id="another drug's dose"),
    ],
)
def test_a_name_of_two_words_that_no_list_has_is_known_from_the_answers(text, reason):
    form = [
        *entry_of(Topic.MEDICATIONS, 0, name="Zorb Lax", dose="3 drops"),
        *entry_of(Topic.MEDICATIONS, 1, name="Lisinopril", dose="10 mg"),
    ]
    item = SummaryItem(
        text=text, sources=tuple(Source(each.answer, each.text) for each in form)
    )

    assert outcome("summary", item, form, digest_of(form)) == reason


ZORBLAX = Source("/medications/2/name", "Zorblax")


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        pytest.param([], "no-source", id="none"),
        pytest.param(
            ["reason", ("/no", "headaches")], "no-such-answer", id="no answer"
        ),
        pytest.param([("/reason", "nausea")], "words-not-there", id="other words"),
        pytest.param([("/reason", "headache")], "words-not-there", id="part of a word"),
        pytest.param(
            [("/reason", "two headaches")], "words-not-there", id="other order"
        ),
        pytest.param([("/reason", "")], "words-not-there", id="no words"),
        pytest.param([("/reason", " .,")], "words-not-there", id="signs only"),
        pytest.param(
            ["reason", ("/reason", "nausea")], "words-not-there", id="one bad"
        ),
        pytest.param([("/reason", "HEADACHES   for\n two")], "kept", id="space, case"),
        pytest.param([("/reason", "\uff48eadaches")], "kept", id="a wide letter"),
    ],
)
def test_quoted_words_stand_in_the_answer_that_is_cited(sources, reason):
    assert judge("notes", "Headaches", *sources) == reason


@pytest.mark.parametrize("words", ["10", "Lisinopril 10"])
def test_a_number_without_the_unit_beside_it_is_not_quoted(words):
    form = [said("/x", "Lisinopril 10 mg")]
    item = SummaryItem(text="Lisinopril 10", sources=(Source("/x", words),))

    assert outcome("notes", item, form) != "kept"


def test_words_that_come_often_are_found_all_the_same():
    text = "aspirin, " * 20
    item = SummaryItem(text="aspirin", sources=(Source("/x", "aspirin"),))

    assert outcome("medications", item, [said("/x", text)]) == "kept"


def test_a_source_comes_out_in_the_words_that_the_patient_wrote():
    item = SummaryItem(
        text="Headaches", sources=(Source("/reason", "HEADACHES  for TWO weeks"),)
    )

    grounded = ground(Digest(notes=(item,)), FORM, Digest())

    assert grounded.digest.notes[0].sources == (
        Source("/reason", "headaches for two weeks"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "Headaches https://evil.example",
        "Headaches www.evil.example",
        "Headaches evil.com",
        "[Headaches](evil)",
        "![Headaches]",
        "<b>Headaches",
        "</i>Headaches",
        "Headaches &lt;",
        "javascript:headaches",
        "Headaches\n",
        "Headaches\x00",
        "Head\u200baches",
        "\u202eHeadaches",
        "Headaches " * 51,
    ],
)
def test_nothing_but_one_line_of_plain_text_stands_in_a_summary(text):
    assert judge("notes", text, "reason") == "unsafe-text"


HONEST = Digest(
    medications=(
        SummaryItem(
            text="Lisinopril 10 mg", sources=(Source("/m", "Lisinopril 10 mg"),)
        ),
    ),
    allergies=(
        SummaryItem(text="Latex (hives)", sources=(Source("/a", "Latex (hives)"),)),
    ),
    red_flags=(SummaryItem(text="Chest pain", sources=(Source("/r", "chest pain"),)),),
)
ANSWERS = (
    said("/m", "Lisinopril 10 mg", Topic.MEDICATIONS),
    said("/a", "Latex (hives)", Topic.ALLERGIES),
    said("/r", "chest pain", Topic.REASON),
)


def test_what_was_answered_is_added_word_for_word_and_marked():
    grounded = ground(Digest(), ANSWERS, HONEST)

    marked = {
        name: tuple(evolve(item, added=True) for item in items)
        for name, items in HONEST.lists()
    }
    assert grounded == Grounded(Digest(**marked))


def test_nothing_is_added_that_is_there_already():
    assert ground(HONEST, ANSWERS, HONEST) == Grounded(HONEST)


def test_red_flags_are_added_though_only_the_lists_were_asked_for():
    grounded = ground(HONEST, ANSWERS, digest_of(ANSWERS))

    assert [item.text for item in grounded.digest.red_flags] == ["Chest pain"]


@pytest.mark.parametrize(
    ("name", "poor"), [("medications", "Lisinopril"), ("allergies", "Latex")]
)
def test_an_item_that_says_less_than_was_answered_gives_way(name, poor):
    (full,) = getattr(HONEST, name)
    told = SummaryItem(text=poor, sources=full.sources)

    grounded = ground(Digest(**{name: (told,)}), ANSWERS, HONEST)

    assert getattr(grounded.digest, name) == (evolve(full, added=True),)
    assert grounded.dropped == ()


@pytest.mark.parametrize(
    ("name", "other"), [("medications", "allergies"), ("allergies", "medications")]
)
def test_what_was_answered_in_one_list_does_not_stand_in_the_other(name, other):
    form = [said("/x", "My sulfa. I get a rash.")]
    item = SummaryItem(text="sulfa", sources=(Source("/x", "sulfa"),))

    assert outcome(name, item, form, Digest(**{other: (item,)})) == "unsupported"
    assert outcome(name, item, form) == "kept"


def test_an_answer_that_is_no_plain_text_is_added_without_what_is_not():
    text = "Zorblax\t<b>\u202e see http://evil.example/x"
    item = SummaryItem(text=text, sources=(Source("/m", text),))
    known = Digest(medications=(item,))

    grounded = ground(Digest(), [said("/m", text, Topic.MEDICATIONS)], known)

    assert [each.text for each in grounded.digest.medications] == [
        "Zorblax > see evil.example/x"
    ]


def test_an_answer_with_nothing_plain_in_it_is_shown_as_unreadable():
    item = SummaryItem(text="\u202e\u200b", sources=(Source("/m", "\u202e\u200b"),))
    known = Digest(medications=(item,))

    grounded = ground(Digest(), [said("/m", "\u202e\u200b")], known)

    assert [each.text for each in grounded.digest.medications] == ["?"]


def test_two_items_that_say_the_same_become_one_with_the_sources_of_both():
    one, other = Source("/m", "Lisinopril"), Source("/m", "Lisinopril 10 mg")
    told = Digest(
        notes=(
            SummaryItem(text="Lisinopril", sources=(one,)),
            SummaryItem(text="LISINOPRIL", sources=(other, one)),
        )
    )

    grounded = ground(told, ANSWERS, HONEST)

    assert grounded.digest.notes == (
        SummaryItem(text="Lisinopril", sources=(one, other)),
    )


NO_ALLERGIES = "No known allergies"
NO_DRUG_ALLERGIES = "No known drug allergies"
NO_MEDICATIONS = "Takes no medications"


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    [
        pytest.param(NO_ALLERGIES, ("None", "Allergies?"), "kept", id="none"),
        pytest.param(NO_ALLERGIES, ("no", "Are you allergic?"), "kept", id="no"),
        pytest.param(NO_ALLERGIES, ("NKDA", "Tell us"), "kept", id="NKDA"),
        pytest.param(NO_ALLERGIES, ("I have no allergies", "?"), "kept", id="sentence"),
        pytest.param(
            NO_ALLERGIES, ("Yes", "I have no known allergies"), "kept", id="yes, none"
        ),
        pytest.param(
            NO_ALLERGIES, ("No", "I have no known allergies"), "negation", id="no, some"
        ),
        pytest.param(
            NO_ALLERGIES,
            ("No", "Are you allergic to penicillin?"),
            "negation",
            id="one is not all",
        ),
        pytest.param(
            NO_ALLERGIES,
            ("I'm not allergic to penicillin", "Tell us"),
            "negation",
            id="said of one",
        ),
        pytest.param(NO_ALLERGIES, ("No", "Do you smoke?"), "negation", id="elsewhere"),
        pytest.param(
            NO_ALLERGIES, ("hay fever", "Allergies?"), "negation", id="has one"
        ),
        pytest.param(NO_DRUG_ALLERGIES, ("none", "Allergies?"), "kept", id="of drugs"),
        pytest.param(
            NO_MEDICATIONS, ("none", "Current medications"), "kept", id="takes nothing"
        ),
        pytest.param(
            NO_MEDICATIONS,
            ("Yes", "Do you take medicine?"),
            "negation",
            id="takes some",
        ),
        pytest.param(NO_MEDICATIONS, ("no", "Any allergies?"), "negation", id="other"),
    ],
)
def test_a_list_is_denied_only_where_the_patient_denied_all_of_it(text, answer, reason):
    words, question = answer
    item = SummaryItem(text=text, sources=(Source("/x", words),))

    assert outcome("denials", item, [said("/x", words, question=question)]) == reason


@pytest.mark.parametrize(
    ("text", "allergy", "reason"),
    [
        pytest.param(NO_ALLERGIES, "Latex", "negation", id="one is known"),
        pytest.param(NO_DRUG_ALLERGIES, "Latex", "kept", id="none to drugs"),
        pytest.param(NO_DRUG_ALLERGIES, "Codeine", "negation", id="one to a drug"),
    ],
)
@pytest.mark.parametrize("name", ["denials", "summary"])
def test_no_allergies_are_known_only_if_none_is(name, text, allergy, reason):
    form = [
        said("/none", "no allergies", Topic.ALLERGIES),
        said("/one", allergy, Topic.ALLERGIES),
    ]
    item = SummaryItem(text=text, sources=(Source("/none", "no allergies"),))
    known = SummaryItem(text=allergy, sources=(Source("/one", allergy),))

    assert outcome(name, item, form, Digest(allergies=(known,))) == reason


def test_an_allergy_that_only_the_summarizer_found_counts_against_a_denial():
    form = [
        said("/none", "no allergies", Topic.ALLERGIES),
        said("/one", "Latex gives me hives"),
    ]
    told = Digest(
        allergies=(SummaryItem(text="Latex", sources=(Source("/one", "Latex"),)),),
        denials=(
            SummaryItem(text=NO_ALLERGIES, sources=(Source("/none", "no allergies"),)),
        ),
    )

    grounded = ground(told, form, Digest())

    assert grounded.digest == evolve(told, denials=())
    assert [each.reason for each in grounded.dropped] == [DropReason.NEGATION]


@pytest.mark.parametrize(
    ("text", "words", "reason"),
    [
        pytest.param("Suicidal thoughts", "I want to die", "kept", id="a flag's name"),
        pytest.param("suicidal thoughts", "want to die", "kept", id="in small letters"),
        pytest.param("Suicidal thoughts", "it hurts", "unsupported", id="other words"),
        pytest.param("Stroke", "I want to die", "unsupported", id="another flag"),
    ],
)
def test_a_red_flag_has_its_name_where_its_words_are_said(text, words, reason):
    form = [said("/x", "I want to die. It hurts.")]
    item = SummaryItem(text=text, sources=(Source("/x", words),))
    grounded = ground(Digest(red_flags=(item,)), form, Digest())

    reasons = [each.reason.value for each in grounded.dropped] or ["kept"]
    assert reasons == [reason]


@pytest.mark.parametrize(
    ("text", "item", "reason"),
    [
        ("aspirin and lisinopril once a day", "aspirin once a day", "kept"),
        ("aspirin and lisinopril 10 mg", "aspirin 10 mg", "number"),
        ("10 mg of lisinopril, 500 mg metformin", "metformin 500 mg", "kept"),
        ("10 mg of lisinopril, 500 mg metformin", "metformin 10 mg", "number"),
        ("I take aspirin. I also take 20 mg of Lexapro", "Lexapro 20 mg", "kept"),
        ("I take aspirin. I also take 20 mg of Lexapro", "aspirin 20 mg", "number"),
        ("my zorblax 10 mg and aspirin 81 mg", "zorblax 10 mg", "kept"),
        ("my zorblax 10 mg and aspirin 81 mg", "zorblax 81 mg", "number"),
        ("zorblax helps. It is " + "really " * 40 + "10 mg", "zorblax 10 mg", "kept"),
        ("aspirin " * 30 + "81 mg", "aspirin 81 mg", "kept"),
    ],
)
def test_a_dose_is_that_of_the_drug_it_is_said_of(text, item, reason):
    told = SummaryItem(text=item, sources=(Source("/x", text),))

    assert outcome("medications", told, [said("/x", text)]) == reason


@pytest.mark.parametrize(
    ("text", "item", "reason"),
    [
        pytest.param(
            "Do you take your diabetes medication?\nMicronase? Yes, every day.",
            "diabetes medication every day",
            "kept",
            id="the drug is named in reply",
        ),
        pytest.param(
            "My diabetes medication is fine. I take Micronase every day.",
            "diabetes medication every day",
            "number",
            id="nobody asked",
        ),
        pytest.param(
            "Do you take a blood thinner?\nMicronase, every day.",
            "diabetes medication every day",
            "unsupported",
            id="another kind was asked for",
        ),
        pytest.param(
            "Do you take metformin?\nMicronase, every day.",
            "metformin every day",
            "number",
            id="a drug was asked for",
        ),
    ],
)
def test_a_kind_of_drug_is_taken_as_the_drug_that_is_named_in_reply(text, item, reason):
    told = SummaryItem(text=item, sources=(Source("/x", text),))

    assert outcome("medications", told, [said("/x", text)]) == reason


@pytest.mark.parametrize(
    ("text", "item", "reason"),
    [
        ("I get a rash from penicillin or sulfa", "sulfa (rash)", "kept"),
        ("penicillin gives me a rash and sulfa hives", "sulfa (rash)", "unsupported"),
        (
            "allergic to penicillin, codeine (hives)",
            "penicillin (hives)",
            "unsupported",
        ),
        ("allergic to penicillin, codeine (hives)", "codeine (hives)", "kept"),
        ("I can't take codeine, it makes me sick", "codeine (makes me sick)", "kept"),
        ("I stopped codeine because of a rash", "codeine (rash)", "kept"),
        ("Any allergies besides codeine? No.", "codeine", "kept"),
    ],
)
def test_a_reaction_is_that_to_what_it_is_said_of(text, item, reason):
    told = SummaryItem(text=item, sources=(Source("/x", text),))

    assert outcome("allergies", told, [said("/x", text)]) == reason


@pytest.mark.parametrize(
    ("name", "item", "reason"),
    [
        ("medications", "warfarin", "unsupported"),
        ("medications", "aspirin", "kept"),
        ("patient_concerns", "diabetes", "unsupported"),
        ("notes", "Mother has diabetes", "kept"),
    ],
)
def test_what_is_said_of_others_is_not_the_patients(name, item, reason):
    text = "My mother has diabetes and takes warfarin. My sister says I need aspirin."
    told = SummaryItem(text=item, sources=(Source("/x", text),))

    assert outcome(name, told, [said("/x", text)]) == reason


@pytest.mark.parametrize("seed", range(40))
def test_what_forms_say_stays_and_is_all_there(seed):
    made = form(seed)

    for digest in (made.digest, digest_of(made.statements)):
        grounded = ground(digest, made.statements, digest_of(made.statements))

        assert grounded.dropped == ()
        assert ungrounded(grounded.digest, made.statements) == []


def lost(made, grounded: Grounded) -> list[str]:
    """Return the names of what was answered and is not in its list."""
    digest = grounded.digest
    return [
        each.name
        for answers, items in (
            (made.taken, digest.medications),
            (made.harms, digest.allergies),
        )
        for each in answers
        if not any(each.name.lower() in item.text.lower() for item in items)
    ]


def garbled(digest: Digest, chance: random.Random) -> Digest:
    """Return what a careless, or a mad, summarizer could make of *digest*."""
    everything = [item for _, items in digest.lists() for item in items]
    sources = [source for item in everything for source in item.sources]
    words = " ".join(item.text for item in everything).split() + list(DRUGS)

    def change(item: SummaryItem) -> SummaryItem:
        text = item.text.split()
        for _ in range(chance.randrange(3)):
            text[chance.randrange(len(text))] = chance.choice((*words, "no", "100 mg"))
        quoted = list(item.sources)
        if chance.random() < 0.3:
            quoted = chance.sample(sources, min(len(sources), chance.randrange(4)))
        return SummaryItem(text=" ".join(text), sources=tuple(quoted))

    lists = {}
    for name in fields_dict(Digest):
        own = getattr(digest, name) if chance.random() < 0.7 else everything
        items = [change(item) for item in own if chance.random() < 0.7]
        lists[name] = tuple(items)
    return Digest(**lists)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_of_a_garbled_summary_only_what_was_said_stays_and_nothing_is_lost(
    number, seed
):
    made = form(number)
    told = garbled(made.digest, random.Random(seed))

    grounded = ground(told, made.statements, digest_of(made.statements))

    assert ungrounded(grounded.digest, made.statements) == []
    assert lost(made, grounded) == []
    again = ground(grounded.digest, made.statements, digest_of(made.statements))
    assert again.dropped == ()


@given(
    st.lists(st.text(max_size=30), max_size=3),
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=20)), max_size=4),
)
def test_whatever_is_typed_and_told_the_check_comes_to_an_end(texts, told):
    form = [said(f"/{n}", text, Topic.MEDICATIONS) for n, text in enumerate(texts)]
    items = tuple(
        SummaryItem(text=text, sources=(Source("/0", words),)) for text, words in told
    )
    lists = dict.fromkeys(fields_dict(Digest), items)

    grounded = ground(Digest(**lists), form, digest_of(form))

    for _, kept in grounded.digest.lists():
        assert all(item.added or item.sources for item in kept)


@pytest.mark.slow
def test_nothing_ungrounded_and_nothing_lost_over_a_thousand_forms():
    for number in range(1_000):
        made = form(number)
        known = digest_of(made.statements)
        told = garbled(made.digest, random.Random(number))
        for digest in (made.digest, digest_of(made.statements), told):
            grounded = ground(digest, made.statements, known)
            assert ungrounded(grounded.digest, made.statements) == []
            assert lost(made, grounded) == []


def test_the_second_opinion_sees_what_the_check_is_for():
    """The control: an oracle that finds nothing proves nothing."""
    bad = Digest(
        medications=(
            SummaryItem(text="Warfarin", sources=(Source("/reason", "headaches"),)),
            SummaryItem(text="Lisinopril"),
            SummaryItem(text="Headaches 5", sources=(Source("/x", "headaches"),)),
        ),
        notes=(SummaryItem(text="<b>x", sources=(Source("/reason", "headaches"),)),),
    )

    assert len(ungrounded(bad, FORM)) >= 6


HINTS = "Do you take any medicines? Think of inhalers and vitamins."


@pytest.mark.parametrize(
    ("name", "text", "question", "answer"),
    [
        ("medications", "Warfarin", "Do you take warfarin?", "Yes, my mother does"),
        ("medications", "Warfarin", "Do you take warfarin?", "Yes, I used to"),
        ("medications", "Inhalers", HINTS, "Yes"),
        ("notes", "Takes vitamins", HINTS, "Yes"),
        ("medications", "Metformin", "Tell us", "My wife takes metformin."),
        ("red_flags", "Chest pain", "Chest pain?", "Yes, my father had"),
        ("denials", "No known allergies", "Are you allergic to latex?", "No"),
        ("notes", "Chest pain, patient denies.", "Tell us", "I have chest pain"),
        ("notes", "Chest pain? No.", "Tell us", "I have chest pain"),
        ("medications", "Metformin, never", "Tell us", "I take metformin"),
        ("medications", "Metformin, patient is ill", "Tell us", "I take metformin"),
        (
            "medications",
            "Methotrexate daily",
            "Tell us",
            "I take methotrexate weekly. I walk daily.",
        ),
        (
            "medications",
            "Metformin 1000 mg",
            "Tell us",
            "I used to take metformin 1000 mg and now take metformin 500 mg.",
        ),
    ],
)
def test_what_only_seems_to_be_said_is_dropped(name, text, question, answer):
    statement = said("/a", answer, None, question)
    item = SummaryItem(text=text, sources=(Source("/a", answer),))

    grounded = ground(Digest(**{name: (item,)}), [statement], digest_of([statement]))

    assert [each.text for each in grounded.dropped] == [text]


def test_a_child_may_be_the_patient_in_a_talk():
    talk = "Doctor: Any medicines?\nGuest_family: My daughter takes metformin."
    statement = said("/a", talk, None, "dialogue")
    item = SummaryItem(text="metformin", sources=(Source("/a", "takes metformin"),))

    grounded = ground(Digest(notes=(item,)), [statement], digest_of([statement]))

    assert grounded.dropped == ()


@pytest.mark.parametrize(
    ("topic", "entries", "text"),
    [
        (
            Topic.MEDICATIONS,
            [
                {"name": "Insulin", "dose": "10 units", "frequency": "morning"},
                {"name": "Insulin", "dose": "20 units", "frequency": "evening"},
            ],
            "Insulin 10 units morning",
        ),
        (
            Topic.ALLERGIES,
            [
                {"name": "Penicillin", "reaction": "rash"},
                {"name": "Penicillin", "reaction": "anaphylaxis"},
            ],
            "Penicillin (rash)",
        ),
    ],
)
def test_one_item_stands_for_one_answer(topic, entries, text):
    record = [
        each
        for place, facets in enumerate(entries)
        for each in entry_of(topic, place, **facets)
    ]
    sources = tuple(Source(each.answer, each.text) for each in record)
    item = SummaryItem(text=text, sources=sources)

    grounded = ground(
        Digest(**{topic.value: (item,)}), record, digest_of(record)
    ).digest

    first, second = getattr(grounded, topic.value)
    assert (first.text, first.added) == (text, False)
    assert second.added
    assert all(words in second.text for words in entries[1].values())
