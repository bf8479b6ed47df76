"""Answers and the summary made of them, each leading to the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.questionnaire import Option
from clinicflow_core.entities.summary import Digest, Source, Statement, SummaryItem
from clinicflow_core.intake.extractive import digest_of
from clinicflow_core.intake.statements import statements_of
from clinicflow_flask.pages.quoting import Quote, left_blank, reading_of
from tests.core.intake.asking import (
    answers_to,
    asks,
    choice,
    definitions,
    entries,
    group,
    question,
    scale,
    when,
)

TEXT = "My head hurts a lot at night."


def said(*words, text="Headache", answer="/a"):
    return SummaryItem(text=text, sources=tuple(Source(answer, w) for w in words))


def read(*items, text=TEXT):
    statements = (Statement(answer="/a", question="Why?", text=text),)
    return reading_of(None, statements, Digest(patient_concerns=items))


def in_brackets(parts):
    return "".join(
        part if isinstance(part, str) else f"[{in_brackets(part.parts)}]"
        for part in parts
    )


def quotes(parts):
    for part in parts:
        if isinstance(part, Quote):
            yield part
            yield from quotes(part.parts)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["head hurts"], "My [head hurts] a lot at night."),
        ([TEXT], f"[{TEXT}]"),
        (["head", "night"], "My [head] hurts a lot at [night]."),
        (["head hurts", "hurts"], "My [head [hurts]] a lot at night."),
        (["head hurts", "head"], "My [[head] hurts] a lot at night."),
        (["head hurts", "head hurts"], "My [head hurts] a lot at night."),
        (["head hurts", "hurts a lot"], "My [head [hurts]] a lot at night."),
        (["not there"], f"[{TEXT}]"),
    ],
    ids=[
        "a part",
        "all",
        "two",
        "within",
        "begins alike",
        "twice",
        "overlap",
        "not there",
    ],
)
def test_exactly_what_is_quoted_is_marked(words, shown):
    reading = read(said(*words))

    assert in_brackets(reading.answers["/a"].parts) == shown


def test_an_item_leads_to_its_quotes_and_they_lead_to_their_items():
    reading = read(said("head", "night"), said("night", text="Night"))

    [section] = reading.sections
    first, second = section.items
    ids = [quote.id for quote in quotes(reading.answers["/a"].parts)]
    assert [quote_id for quote_id, _ in first.sources] == ids
    assert [quote_id for quote_id, _ in second.sources] == ids[1:]
    assert reading.answers["/a"].items == (first, second)


def test_an_answer_that_is_not_there_any_more_is_quoted_without_a_way_to_it():
    reading = read(said("pain", answer="/gone"))

    [section] = reading.sections
    assert section.items[0].sources == ((None, "pain"),)
    assert reading.answers["/a"].items == ()


def test_lists_come_in_the_order_in_which_a_doctor_reads_them():
    digest = Digest(
        notes=(SummaryItem(text="n"),),
        summary=(SummaryItem(text="s"),),
        red_flags=(SummaryItem(text="r"),),
    )

    reading = reading_of(None, (), digest)

    assert [s.name for s in reading.sections] == ["red_flags", "summary", "notes"]
    assert reading.groups == ()


def test_answers_stand_under_the_headings_of_their_groups():
    definition = asks(group("g", question("a"), text="Pain"), question("b"))
    statements = statements_of(definition, {"a": "x", "b": "y"})

    reading = reading_of(definition, statements, Digest())

    assert [group.title for group in reading.groups] == ["Pain", None]


@given(st.data())
def test_every_answer_is_shown_whole_and_every_source_is_found(data):
    definition = data.draw(definitions())
    statements = statements_of(definition, data.draw(answers_to(definition)))

    reading = reading_of(definition, statements, digest_of(statements))

    for statement in statements:
        parts = reading.answers[statement.answer].parts
        assert in_brackets(parts).replace("[", "").replace("]", "") == statement.text
    shown = [
        s
        for each in reading.groups
        for block in each.blocks
        for _, same in block.answers
        for s in same
    ]
    assert sorted(s.answer for s in shown) == sorted(s.answer for s in statements)
    ids = [
        quote.id
        for answer in reading.answers.values()
        for quote in quotes(answer.parts)
    ]
    assert len(ids) == len(set(ids))
    for section in reading.sections:
        for item in section.items:
            assert {quote_id for quote_id, _ in item.sources} <= {*ids}


def test_what_was_asked_and_not_answered_is_told():
    definition = asks(
        question("hint", "display", text="Take your time."),
        question("reason", text="Why do you come?"),
        question("harm", "boolean", text="Have you thought of harming yourself?"),
        question("smoker", "boolean", text="Do you smoke?"),
        question(
            "packs", text="How many packs?", enable_when=when("smoker", "=", True)
        ),
        group("pain", question("where", text="Where does it hurt?")),
        entries("pills", question("name", text="Which one?")),
    )

    left = left_blank(definition, {"reason": "A cough.", "smoker": False})

    assert left == ("Have you thought of harming yourself?", "Where does it hurt?")


def test_what_is_worked_out_is_nobodys_blank():
    options = tuple(Option(code=str(n), score=n) for n in range(2))
    parts = [choice(name, options=options) for name in ("low", "tired")]
    definition = asks(
        *parts,
        question("sum", "integer"),
        scores=(scale("low", "tired", total="sum"),),
    )

    assert left_blank(definition, {"low": "0"}) == ("tired",)
