from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given

from clinicflow_core import wire
from clinicflow_core.entities.ids import QuestionnaireId
from clinicflow_core.entities.questionnaire import (
    MAX_ANSWER,
    MOST_QUESTIONS,
    Band,
    Code,
    Definition,
    Option,
    OptionType,
    Questionnaire,
    Scale,
)
from clinicflow_core.errors import InvalidError
from tests.builders import NOW
from tests.core.intake.asking import (
    asks,
    choice,
    definitions,
    entries,
    group,
    question,
    scale,
    when,
)


def pointers(refused):
    return [problem.pointer for problem in refused.value.problems]


def scored(link_id, **fields):
    options = (Option(code="no", score=0), Option(code="yes", score=3))
    return question(link_id, **{"kind": "choice", "options": options} | fields)


@given(definitions())
def test_a_questionnaire_is_stored_as_json_and_comes_back_as_it_was(definition):
    assert wire.structure(wire.dump(definition), Definition) == definition


def test_newer_versions_of_a_questionnaire_are_listed_first():
    first, second = (
        Questionnaire(
            id=QuestionnaireId(UUID(int=n)),
            version=n,
            definition=asks(question("reason")),
            created_at=NOW,
        )
        for n in (9, 10)
    )

    assert second.sort_key < first.sort_key


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        pytest.param({"kind": "choice"}, "/options", id="a choice without options"),
        pytest.param({"kind": "group"}, "/items", id="a group of nothing"),
        pytest.param(
            {"kind": "display", "items": (question("inner"),)},
            "/items",
            id="a text that holds questions",
        ),
        pytest.param(
            {"repeats": True, "items": (question("inner"),)},
            "/items",
            id="questions under one of several answers",
        ),
        pytest.param({"kind": "display", "required": True}, "/required", id="required"),
        pytest.param({"kind": "display", "repeats": True}, "/repeats", id="repeats"),
        pytest.param({"kind": "date", "max_length": 5}, "/max_length", id="length"),
        pytest.param({"min_value": 0.0}, "/min_value", id="least number of a text"),
        pytest.param({"kind": "date", "max_value": 5.0}, "/max_value", id="most"),
        pytest.param({"earliest": date(2026, 3, 2)}, "/earliest", id="earliest"),
        pytest.param({"latest": date(2026, 3, 2)}, "/latest", id="latest"),
        pytest.param({"min_occurs": 1}, "/min_occurs", id="least of one"),
        pytest.param({"max_occurs": 1}, "/max_occurs", id="most of one"),
        pytest.param({"units": (Code(code="kg"),)}, "/units", id="a unit of a text"),
        pytest.param({"options": (Option(code="a"),)}, "/options", id="options"),
        pytest.param(
            {"kind": "decimal", "units": (Code(code="kg"), Code(code="lb"))},
            "/units",
            id="a number in two units",
        ),
        pytest.param(
            {"kind": "integer", "min_value": 0.5}, "/min_value", id="half of an integer"
        ),
        pytest.param(
            {"kind": "integer", "max_value": 2.0**31}, "/max_value", id="33 bits"
        ),
        pytest.param(
            {"kind": "decimal", "min_value": 2.0, "max_value": 1.0},
            "/max_value",
            id="most under least",
        ),
        pytest.param(
            {"kind": "choice", "options": (Option(code="a"), Option(code="a"))},
            "/options/1/code",
            id="two options of one code",
        ),
    ],
)
def test_a_question_asks_only_what_its_kind_can_ask(fields, pointer):
    with pytest.raises(InvalidError) as refused:
        question("q", **fields)

    assert pointers(refused) == [pointer]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"type": OptionType.STRING, "display": "A"}, id="a shown text"),
        pytest.param({"type": OptionType.INTEGER, "system": "s"}, id="a coded number"),
        pytest.param({"type": OptionType.INTEGER}, id="a number of letters"),
    ],
)
def test_an_option_that_is_a_text_or_a_number_is_only_that(fields):
    with pytest.raises(ValueError, match="number"):
        Option(code="a", **fields)


@pytest.mark.parametrize("code", [" a", "a ", "a  b"])
def test_a_code_has_no_spaces_but_single_ones_between_words(code):
    for make in (Code, Option):
        with pytest.raises(ValueError, match="single spaces"):
            make(code=code)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        pytest.param({"questions": ()}, "needs questions", id="nothing to add up"),
        pytest.param({"questions": ("a", "a")}, "counts once", id="counted twice"),
        pytest.param(
            {"bands": (Band(at_least=5, title="High"), Band(at_least=0, title="Low"))},
            "must rise",
            id="bands that fall",
        ),
    ],
)
def test_a_score_adds_up_some_questions_once_and_its_bands_rise(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        Scale(**{"name": "mood", "title": "Mood", "questions": ("a",)} | fields)


@pytest.mark.parametrize(
    ("items", "found"),
    [
        pytest.param((), ["/items"], id="no question"),
        pytest.param(
            (question("a"), group("g", question("a"))),
            ["/items/1/items/0/link_id"],
            id="one link id twice",
        ),
        pytest.param(
            (group("g", *(question(f"q{n}") for n in range(MOST_QUESTIONS))),),
            ["/items"],
            id="one question too many",
        ),
        pytest.param(
            (question("a", enable_when=when("b", "exists", True)),),
            ["/items/0/enable_when/0/question"],
            id="a condition on nothing",
        ),
        pytest.param(
            (
                question("a", enable_when=when("t", "exists", True)),
                question("b", enable_when=when("g", "exists", True)),
                question("t", "display"),
                group("g", question("c")),
            ),
            ["/items/0/enable_when/0/question", "/items/1/enable_when/0/question"],
            id="a condition on what has no answer",
        ),
        pytest.param(
            (
                entries("list", question("name")),
                question("a", enable_when=when("name", "exists", True)),
            ),
            ["/items/1/enable_when/0/question"],
            id="a condition on an entry, outside of it",
        ),
        pytest.param(
            (question("a", enable_when=when("a", "exists", True)),),
            ["/items/0/enable_when/0/question"],
            id="a loop of one",
        ),
        pytest.param(
            (
                question("a", enable_when=when("b", "exists", True)),
                question("b", enable_when=when("a", "exists", True)),
                question("c", enable_when=when("b", "exists", True)),
            ),
            ["/items/0/enable_when/0/question", "/items/1/enable_when/0/question"],
            id="a loop of two, and what hangs on it",
        ),
        pytest.param(
            (group("g", question("a"), enable_when=when("a", "exists", True)),),
            ["/items/0/enable_when/0/question"],
            id="a group that its own question opens",
        ),
    ],
)
def test_questions_that_cannot_stand_together_are_refused_with_their_place(
    items, found
):
    with pytest.raises(InvalidError) as refused:
        asks(*items)

    assert pointers(refused) == found


def test_questions_nest_eight_levels_deep_and_no_deeper():
    nested = question("q0")
    for n in range(1, 8):
        nested = group(f"q{n}", nested)
    asks(nested)

    with pytest.raises(InvalidError) as refused:
        asks(group("q8", nested))

    assert pointers(refused) == ["/items/0" + "/items/0" * 8]


def test_what_is_nested_deeper_than_python_calls_is_refused_too():
    nested = question("q0")
    for n in range(1, 3000):
        nested = group(f"q{n}", nested)

    with pytest.raises(InvalidError):
        asks(nested)


def test_a_thousand_questions_may_each_hang_on_the_one_before():
    chain = [
        question(f"q{n}", enable_when=when(f"q{n - 1}", "exists", True))
        for n in range(1, MOST_QUESTIONS)
    ]

    assert len(list(asks(question("q0"), *chain).places)) == MOST_QUESTIONS


@pytest.mark.parametrize(
    ("asked", "operator", "value", "place"),
    [
        pytest.param(question("a"), "exists", "yes", "value", id="exists: yes"),
        pytest.param(question("a"), ">", "b", "operator", id="a text beyond another"),
        pytest.param(
            question("a", "quantity"), "=", {"value": 1}, "operator", id="a quantity"
        ),
        pytest.param(
            question("a", "reference"), "=", "x", "operator", id="a reference"
        ),
        pytest.param(question("a", "boolean"), "=", "true", "value", id="a text"),
        pytest.param(question("a", "integer"), ">", 1.5, "value", id="a half"),
        pytest.param(question("a", "date"), ">", "03/02", "value", id="no date"),
        pytest.param(choice("a", "red"), "=", "blue", "value", id="no option"),
        pytest.param(
            choice("a", "red", kind="open-choice"), "=", 7, "value", id="no words"
        ),
        pytest.param(
            choice("a", "red"), ">=", "red", "operator", id="a colour beyond red"
        ),
    ],
)
def test_a_condition_must_say_what_an_answer_can_be(asked, operator, value, place):
    with pytest.raises(InvalidError) as refused:
        asks(asked, question("b", enable_when=when("a", operator, value)))

    assert pointers(refused) == [f"/items/1/enable_when/0/{place}"]


@pytest.mark.parametrize(
    ("items", "fields", "found"),
    [
        pytest.param((question("b"),), {}, "/questions/0", id="no such question"),
        pytest.param((question("a"),), {}, "/questions/0", id="no choice"),
        pytest.param((choice("a", "x"),), {}, "/questions/0", id="nothing to count"),
        pytest.param((scored("a", repeats=True),), {}, "/questions/0", id="several"),
        pytest.param(
            (entries("list", scored("a")),), {}, "/questions/0", id="one in each entry"
        ),
        pytest.param((scored("a"),), {"total": "t"}, "/total", id="no such total"),
        pytest.param(
            (scored("a"), question("t")), {"total": "t"}, "/total", id="total in words"
        ),
        pytest.param(
            (scored("a"), question("t", "integer", repeats=True)),
            {"total": "t"},
            "/total",
            id="several totals",
        ),
        pytest.param(
            (
                scored("a"),
                question("t", "integer"),
                question("b", enable_when=when("t", ">", 3)),
            ),
            {"total": "t"},
            "/items/2/enable_when/0/question",
            id="a condition on the total",
        ),
    ],
)
def test_a_score_adds_up_what_there_is(items, fields, found):
    with pytest.raises(InvalidError) as refused:
        asks(*items, scores=(scale("a", **fields),))

    assert [p.removeprefix("/scores/0") for p in pointers(refused)] == [found]


def test_two_scores_have_two_names():
    with pytest.raises(InvalidError) as refused:
        asks(scored("a"), scores=(scale("a"), scale("a")))

    assert pointers(refused) == ["/scores/1/name"]


@pytest.mark.parametrize("name", ["", "Intake", "-a", "a" * 101, "a b"])
def test_a_questionnaire_has_a_name_for_programs(name):
    with pytest.raises(ValueError, match="lower-case"):
        asks(question("a"), name=name)


def test_what_others_say_of_a_question_is_kept_unless_it_is_long():
    with pytest.raises(ValueError, match="10000"):
        question("a", extensions=({"url": "urn:x", "valueString": "x" * 10_000},))


@pytest.mark.parametrize(
    ("asked", "answer", "complaint"),
    [
        pytest.param(question("a"), "x" * MAX_ANSWER, None, id="a long text"),
        pytest.param(question("a"), "x" * (MAX_ANSWER + 1), "at most", id="too long"),
        pytest.param(question("a", max_length=3), "four", "at most 3", id="limit"),
        pytest.param(question("a"), 7, "text", id="a number as text"),
        pytest.param(question("a"), "a\0", "NUL", id="NUL"),
        pytest.param(question("a"), "\ud800", "surrogate", id="half a pair"),
        pytest.param(question("a", "url"), "https://x.org", None, id="an address"),
        pytest.param(question("a", "url"), "x y", "web address", id="a space in it"),
        pytest.param(question("a", "url"), 7, "text", id="a number as an address"),
        pytest.param(question("a", "integer"), 2**31 - 1, None, id="32 bits"),
        pytest.param(question("a", "integer"), 2**31, "32 bits", id="33 bits"),
        pytest.param(question("a", "integer"), 1.0, "whole", id="1.0"),
        pytest.param(question("a", "integer"), True, "whole", id="true as a number"),
        pytest.param(
            question("a", "integer", min_value=0.0), -1, "at least 0", id="under"
        ),
        pytest.param(
            question("a", "integer", max_value=10.0), 11, "at most 10", id="over"
        ),
        pytest.param(
            question("a", "integer", min_value=0.0, max_value=10.0), 10, None, id="on"
        ),
        pytest.param(question("a", "decimal"), 1, None, id="an integer as decimal"),
        pytest.param(question("a", "decimal"), 1.5, None, id="a decimal"),
        pytest.param(question("a", "decimal"), "1.5", "number", id="a text as decimal"),
        pytest.param(question("a", "decimal"), 1e300, "too large", id="too large"),
        pytest.param(question("a", "decimal"), float("nan"), "number", id="NaN"),
        pytest.param(question("a", "date"), "2026-02-28", None, id="a day"),
        pytest.param(question("a", "date"), "2026-02", None, id="a month"),
        pytest.param(question("a", "date"), "2026", None, id="a year"),
        pytest.param(question("a", "date"), "2026-02-29", "date", id="30 February"),
        pytest.param(question("a", "date"), "2026-13", "date", id="a 13th month"),
        pytest.param(question("a", "date"), "0000", "date", id="the year 0"),
        pytest.param(question("a", "date"), "today", "date", id="a word"),
        pytest.param(question("a", "date"), 2026, "date", id="a number as a date"),
        pytest.param(
            question("a", "date", earliest=date(2026, 3, 2)),
            "2026-03-01",
            "at least 2026-03-02",
            id="too early",
        ),
        pytest.param(
            question("a", "date", earliest=date(2026, 3, 2)), "2026", None, id="maybe"
        ),
        pytest.param(
            question("a", "date", latest=date(2026, 3, 2)), "2027", "at most", id="late"
        ),
        pytest.param(
            question("a", "dateTime"), "2026-03-02T09:00:00Z", None, id="an instant"
        ),
        pytest.param(question("a", "dateTime"), "2026-03", None, id="its month"),
        pytest.param(
            question("a", "dateTime"), "2026-03-02T09:00:00", "offset", id="no offset"
        ),
        pytest.param(
            question("a", "dateTime"), "2026-02-30T09:00:00Z", "offset", id="no day"
        ),
        pytest.param(question("a", "dateTime"), None, "offset", id="null"),
        pytest.param(
            question("a", "dateTime", latest=date(2026, 3, 1)),
            "2026-03-02T09:00:00Z",
            "at most",
            id="too late an instant",
        ),
        pytest.param(question("a", "time"), "09:00", None, id="a time"),
        pytest.param(question("a", "time"), "24:00", "time", id="24:00"),
        pytest.param(question("a", "time"), 9, "time", id="a number as a time"),
        pytest.param(question("a", "boolean"), False, None, id="no"),
        pytest.param(question("a", "boolean"), 0, "true or false", id="0"),
        pytest.param(choice("a", "red"), "red", None, id="an option"),
        pytest.param(choice("a", "red"), "blue", "options", id="no option"),
        pytest.param(choice("a", "red"), {"other": "blue"}, "options", id="no other"),
        pytest.param(
            choice("a", "red", kind="open-choice"), {"other": "blue"}, None, id="other"
        ),
        pytest.param(
            choice("a", "red", kind="open-choice"), "red", None, id="not other"
        ),
        pytest.param(
            choice("a", "red", kind="open-choice"), "blue", "options", id="bare words"
        ),
        pytest.param(
            choice("a", "red", kind="open-choice"), {"mine": "x"}, "other", id="no key"
        ),
        pytest.param(
            choice("a", "red", kind="open-choice"), {"other": 7}, "text", id="other 7"
        ),
        pytest.param(question("a", "quantity"), {"value": 10}, None, id="an amount"),
        pytest.param(
            question("a", "quantity"), {"value": 10, "unit": "mg"}, None, id="10 mg"
        ),
        pytest.param(question("a", "quantity"), "10 mg", "value", id="10 mg in words"),
        pytest.param(question("a", "quantity"), {"unit": "mg"}, "value", id="mg"),
        pytest.param(
            question("a", "quantity"), {"value": "10"}, "number", id="10 as text"
        ),
        pytest.param(
            question("a", "quantity"), {"value": 1, "unit": 7}, "unit", id="unit 7"
        ),
        pytest.param(
            question("a", "quantity"), {"value": 1, "unit": "\0"}, "NUL", id="unit NUL"
        ),
        pytest.param(
            question("a", "quantity", units=(Code(code="mg"),)),
            {"value": 1, "unit": "g"},
            "units",
            id="another unit",
        ),
        pytest.param(
            question("a", "quantity", units=(Code(code="mg"),)),
            {"value": 1},
            "units",
            id="no unit",
        ),
        pytest.param(question("a", "reference"), "Hill Pharmacy", None, id="a name"),
        pytest.param(question("a", "display"), "x", "not a question", id="a text"),
        pytest.param(
            group("a", question("b")), "x", "not a question", id="a whole group"
        ),
    ],
)
def test_an_answer_is_judged_by_what_was_asked(asked, answer, complaint):
    found = asked.complaint(answer)

    assert found is None if complaint is None else complaint in found


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        pytest.param(question("a", text="How are you?"), "How are you?", id="text"),
        pytest.param(
            question("a", codes=(Code(code="1"), Code(code="2", display="Mood"))),
            "Mood",
            id="what a terminology calls it",
        ),
        pytest.param(question("a"), "a", id="its name, at last"),
    ],
)
def test_a_question_without_a_text_goes_by_the_next_best(asked, words):
    assert asked.words == words
