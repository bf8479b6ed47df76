"""A questionnaire as steps with fields, and what was typed as answers again."""

from __future__ import annotations

from datetime import date

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from clinicflow_core.entities.questionnaire import CHOICES, Code, Kind
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.intake.answers import asked_with, check_answers
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.wire import dump
from clinicflow_flask.pages import asking
from clinicflow_flask.pages.asking import (
    FREE,
    date_field,
    fields_of,
    first_wrong,
    in_blocks,
    read_step,
    shown_steps,
    steps_of,
)
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
from tests.effort import calls
from tests.flask.pages.browser import Browser, _filled

BORN = "1980-12-31"
LIST = entries("pills", question("name", required=True), question("dose"))


def step_of(*questions):
    [step] = steps_of(asks(*questions))
    return step


def answers(step, fields):
    return read_step(step, MultiDict(fields))[0]


def drawn(definition, given=None, problems=()):
    [step] = steps_of(definition)
    return fields_of(
        step,
        given or {},
        lambda all_of: asked_with(definition, all_of),
        problems,
        definition.totals,
    )


# What stands on one page


def test_each_group_is_a_step_and_loose_questions_between_groups_are_one():
    definition = asks(
        question("a"),
        question("b"),
        group("c", question("c1"), text="See"),
        LIST,
        question("d"),
    )

    steps = steps_of(definition)

    assert [(s.number, s.title, [q.link_id for q in s.questions]) for s in steps] == [
        (1, None, ["a", "b"]),
        (2, "See", ["c1"]),
        (3, None, ["pills"]),
        (4, None, ["d"]),
    ]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(
            (question("t", "display"), group("g", question("a"))),
            [["t", "a"]],
            id="before a group",
        ),
        pytest.param(
            (group("g", question("a")), question("t", "display")),
            [["a"], ["t"]],
            id="at the end",
        ),
        pytest.param(
            (question("q"), question("t", "display"), group("g", question("a"))),
            [["q", "t"], ["a"]],
            id="after a question",
        ),
        pytest.param(
            (question("t", "display"), LIST), [["t", "pills"]], id="before a list"
        ),
    ],
)
def test_a_text_stands_with_what_follows_it(items, expected):
    steps = steps_of(asks(*items))

    assert [[q.link_id for q in step.questions] for step in steps] == expected


def test_who_is_asked_nothing_certain_has_one_step():
    [step] = steps_of(None)

    assert answers(step, {f"/{FREE}": " A cough\r\nA fever "}) == {
        FREE: "A cough\nA fever"
    }


def test_a_step_in_which_nothing_is_asked_is_not_shown():
    definition = asks(
        question("smokes", "boolean"),
        group("g", question("since"), enable_when=when("smokes", "=", True)),
        question("end"),
    )
    steps = steps_of(definition)

    def numbers(given):
        return [s.number for s in shown_steps(steps, asked_with(definition, given))]

    assert numbers({}) == [1, 3]
    assert numbers({"smokes": True}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("pointer", "is_in"),
    [
        ("/a", True),
        ("/g", True),
        ("/pills/0/name", True),
        ("/b", False),
        ("/name", False),
        ("", False),
    ],
)
def test_a_step_knows_its_answers(pointer, is_in):
    step = steps_of(asks(group("g", question("a"), LIST), question("b")))[0]

    assert step.has(pointer) is is_in


@given(definitions())
def test_each_question_stands_in_one_step(definition):
    steps = steps_of(definition)

    found = [link_id for step in steps for link_id in step.link_ids]
    assert len(found) == len(set(found))
    assert set(found) == {
        place.question.link_id for place in definition.places if not place.lists
    }


# Fields


def test_a_list_without_an_entry_is_shown_with_a_blank_one():
    [shown] = drawn(asks(LIST))

    [entry] = shown.entries
    assert entry.pointer == "/pills/0"
    assert [f.pointer for f in entry.fields] == ["/pills/0/name", "/pills/0/dose"]


def test_what_is_not_asked_is_not_shown():
    definition = asks(
        question("smokes", "boolean"),
        question("packs", enable_when=when("smokes", "=", True)),
    )

    assert [f.pointer for f in drawn(definition)] == ["/smokes"]
    shown = drawn(definition, {"smokes": True})
    assert [f.pointer for f in shown] == ["/smokes", "/packs"]


def test_a_total_is_worked_out_and_not_asked():
    scored = choice("mood", "0", "1")
    options = tuple(evolve(o, score=int(o.code)) for o in scored.options)
    definition = asks(
        evolve(scored, options=options),
        question("total", "integer"),
        scores=(scale("mood", total="total"),),
    )

    assert [f.pointer for f in drawn(definition)] == ["/mood"]


def test_what_is_wrong_stands_with_its_question():
    colours = choice("colours", "red", repeats=True)
    definition = asks(group("g", question("reason"), colours, LIST))
    given = {"pills": [{"name": "A"}, {"dose": "1"}]}
    problems = [
        Problem("/colours/0", "is no colour"),
        Problem("/pills/1/name", "is required"),
        Problem("/elsewhere", "is wrong"),
    ]

    fields = drawn(definition, given, problems)

    wrong = {f.pointer: f.wrong for f in asking.every_field(fields) if f.wrong}
    assert wrong == {"/colours": "is no colour", "/pills/1/name": "is required"}
    assert first_wrong(fields) == fields[1].id
    assert first_wrong(drawn(definition)) is None


@pytest.mark.parametrize(
    ("asked", "control"),
    [
        (question("q", "string"), "line"),
        (question("q", "url"), "line"),
        (question("q", "reference"), "line"),
        (question("q", "text"), "lines"),
        (question("q", "string", repeats=True), "line_each"),
        (question("q", "integer", repeats=True), "line_each"),
        (question("q", "integer"), "number"),
        (question("q", "integer", min_value=0, max_value=10), "row"),
        (question("q", "integer", min_value=0, max_value=11), "number"),
        (question("q", "decimal", min_value=0, max_value=3), "number"),
        (question("q", "boolean"), "yes_no"),
        (question("q", "date"), "date"),
        (question("q", "dateTime"), "date"),
        (question("q", "time"), "clock_time"),
        (question("q", "quantity"), "quantity"),
        (question("q", "display"), "note"),
        (choice("q", *"abc"), "radios"),
        (choice("q", *"abcdefghi"), "drop_down"),
        (choice("q", *"abcdefghi", kind=Kind.OPEN_CHOICE), "radios"),
        (choice("q", "a", repeats=True), "boxes"),
        (group("q", question("a"), repeats=True), "entries"),
        (group("o", group("q", question("a"))), "group"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.kind.value,
)
def test_each_kind_of_question_has_its_control(asked, control):
    fields = drawn(asks(asked))

    assert fields[0].control == control


SINCE_2000 = {"required": True, "earliest": date(2000, 1, 1)}


@pytest.mark.parametrize(
    ("asked", "answer", "is_no_date"),
    [
        pytest.param(question("q", "date"), "2026-02-30", True, id="no such day"),
        pytest.param(question("q", "date"), "soon", True, id="a word"),
        pytest.param(question("q", "dateTime"), "soon", True, id="no instant"),
        pytest.param(question("q", "date", **SINCE_2000), "1999", False, id="early"),
        pytest.param(question("q", "date", **SINCE_2000), "", False, id="missing"),
        pytest.param(question("q", "date"), "2026-03", False, id="a month"),
        pytest.param(question("q", "time"), "soon", False, id="no time"),
    ],
)
def test_what_is_no_date_is_told_from_what_is_wrong_with_one(asked, answer, is_no_date):
    given = {"q": answer} if answer else {}
    problems = problems_of(asks(asked), given)

    [field] = drawn(asks(asked), given, problems)

    assert (field.wrong is not None, field.is_no_date) == (bool(problems), is_no_date)


def problems_of(definition, given):
    try:
        check_answers(definition, given, complete=True)
    except InvalidError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("typed", ["", "1980", "1980-12", "1980-02-30"])
def test_of_a_birth_date_a_part_is_no_date(typed):
    refused = date_field("born", "Born", typed, "must be a date")

    assert refused.is_no_date
    assert not date_field("born", "Born", typed, None).is_no_date


@pytest.mark.parametrize(
    ("words", "says_so"),
    [("Which operations? One on each line.", True), ("Which operations?", False)],
)
def test_whether_a_question_says_how_several_answers_are_typed_is_known(words, says_so):
    [field] = drawn(asks(question("q", text=words, repeats=True)))

    assert field.says_a_line_each is says_so


def test_a_number_says_its_unit():
    [shown] = drawn(asks(question("w", "decimal", units=(Code(code="kg"),))))
    assert shown.unit == "kg"

    [shown] = drawn(asks(question("w", "decimal")))
    assert shown.unit == ""


# What was typed


@pytest.mark.parametrize(
    ("asked", "fields", "answer"),
    [
        (question("q"), {"/q": "  a  "}, "a"),
        (question("q", "integer"), {"/q": "+12"}, 12),
        (question("q", "integer"), {"/q": "12a"}, "12a"),
        (question("q", "integer"), {"/q": "1.5"}, 1.5),
        (question("q", "decimal"), {"/q": "1,5"}, 1.5),
        (question("q", "boolean"), {"/q": "yes"}, True),
        (question("q", "boolean"), {"/q": "no"}, False),
        (question("q", "boolean"), {"/q": "perhaps"}, "perhaps"),
        (question("q", "date"), {"/q~year": "2026"}, "2026"),
        (question("q", "date"), {"/q~year": "2026", "/q~month": "03"}, "2026-03"),
        (
            question("q", "date"),
            {"/q~year": "2026", "/q~month": "03", "/q~day": "2"},
            "2026-03-02",
        ),
        (question("q", "date"), {"/q~month": "03"}, "-03"),
        (question("q", "date"), {"/q~year": "2026", "/q~day": "2"}, "2026--02"),
        (
            question("q", "quantity"),
            {"/q": "2.5", "/q~unit": "mg"},
            {"value": 2.5, "unit": "mg"},
        ),
        (question("q", "quantity"), {"/q": "2"}, {"value": 2}),
        (question("q", repeats=True), {"/q": "a\r\n\r\n b"}, ["a", "b"]),
        (question("q", "integer", repeats=True), {"/q": "1\n2"}, [1, 2]),
        (question("q", "boolean", repeats=True), {"/q": "Yes\nno"}, [True, False]),
        (
            question("q", "quantity", repeats=True),
            {"/q": "2 fl oz\n3"},
            [{"value": 2, "unit": "fl oz"}, {"value": 3}],
        ),
        (choice("q", "a", "b"), {"/q": "b"}, "b"),
        (
            choice("q", "a", kind=Kind.OPEN_CHOICE),
            {"/q": "~other", "/q~other": "c"},
            {"other": "c"},
        ),
        (choice("q", "a", kind=Kind.OPEN_CHOICE), {"/q~other": "c"}, {"other": "c"}),
        (
            choice("q", "a", "b", kind=Kind.OPEN_CHOICE, repeats=True),
            {"/q": ["a", "b"], "/q~other": "c\nd"},
            ["a", "b", {"other": "c"}, {"other": "d"}],
        ),
    ],
)
def test_what_was_typed_is_an_answer(asked, fields, answer):
    assert answers(step_of(asked), fields) == {"q": answer}


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (question("q"), {"/q": " \r\n"}),
        (question("q"), {}),
        (question("q", "date"), {"/q~year": "", "/q~month": "", "/q~day": ""}),
        (question("q", "quantity"), {"/q": "", "/q~unit": "mg"}),
        (question("q", repeats=True), {"/q": "\n\n"}),
        (choice("q", "a"), {"/q": ""}),
        (choice("q", "a", kind=Kind.OPEN_CHOICE), {"/q": "~other", "/q~other": " "}),
        (LIST, {"/pills": ["0", "1"], "/pills/0/name": " "}),
        (LIST, {"/pills/0/name": "of no entry"}),
        (question("q", "display"), {"/q": "a text is no question"}),
    ],
)
def test_what_is_blank_is_no_answer(asked, fields):
    assert answers(step_of(asked), fields) == {}


def test_an_option_and_ones_own_words_are_two_answers():
    step = step_of(choice("q", "a", kind=Kind.OPEN_CHOICE))

    _, problems = read_step(step, MultiDict({"/q": "a", "/q~other": "b"}))

    assert [p.pointer for p in problems] == ["/q"]


def lists_in_lists(depth):
    inner = question("leaf")
    for level in range(depth):
        inner = entries(f"g{level}", inner)
    return inner


def test_an_entry_that_is_sent_many_times_is_one():
    fields, above = MultiDict(), ""
    for level in reversed(range(5)):
        fields.setlist(f"{above}/g{level}", ["0"] * 100)
        above += f"/g{level}/0"
    fields[f"{above}/leaf"] = "x"

    def read():
        found, _ = read_step(step_of(lists_in_lists(5)), fields)
        assert found == {"g4": [{"g3": [{"g2": [{"g1": [{"g0": [{"leaf": "x"}]}]}]}]}]}

    calls(read, most=50_000)


def test_no_more_entries_are_read_than_a_form_has_room_for():
    fields = MultiDict()
    fields.setlist("/g1", [str(n) for n in range(100)])
    for n in range(100):
        fields.setlist(f"/g1/{n}/g0", [str(m) for m in range(11)])

    with pytest.raises(InvalidError, match="has too many entries"):
        read_step(step_of(lists_in_lists(2)), fields)


def test_entries_stand_in_order_whatever_their_places():
    fields = {
        "/pills": ["0", "3", "7"],
        "/pills/0/name": "A",
        "/pills/7/name": "C",
    }

    assert answers(step_of(LIST), fields) == {"pills": [{"name": "A"}, {"name": "C"}]}


@pytest.mark.parametrize(
    ("act", "names"),
    [
        ("add /pills", ["A", "B", None]),
        ("remove /pills/0", ["B"]),
        ("remove /pills/9", ["A", "B"]),
        ("add /others", ["A", "B"]),
    ],
)
def test_entries_are_added_and_removed(act, names):
    fields = {
        "do": act,
        "/pills": ["0", "1"],
        "/pills/0/name": "A",
        "/pills/1/name": "B",
    }

    found = answers(step_of(LIST), fields)["pills"]

    assert [each.get("name") for each in found] == names


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_page_that_is_sent_back_as_it_is_changes_no_answer(app, desk, data):
    definition = data.draw(definitions())
    kept = check_answers(
        definition, data.draw(answers_to(definition)), complete=False
    ).answers
    form = desk.send_form(
        patient_id=desk.patient(date_of_birth=BORN),
        questionnaire_id=desk.questionnaire(**dump(definition)),
    )
    public = f"/api/intake/public/{form['token']}"
    assert desk.put(public, {"answers": kept}).status_code == 200
    browser = Browser.started(app)
    browser.open(f"/i/{form['token']}")
    year, month, day = BORN.split("-")
    browser.send(
        "Go on",
        **{
            "birth_date~year": year,
            "birth_date~month": month,
            "birth_date~day": day,
        },
    )

    for step in shown_steps(steps_of(definition), asked_with(definition, kept)):
        browser.open(f"/i/{form['token']}/part/{step.number}")
        page = browser.page.find("form", id="part")
        browser.post(page["action"], {**_filled(page), "do": "save"})
        assert browser.status == 200

    after = desk.post(f"{public}/draft", {"birth_date": BORN}).json["answers"]
    assert _as_asked(definition, after) == _as_asked(definition, kept)


def _as_asked(definition, answers):
    """
    Leave out what no page asks for: times of a day, entries without an answer, and in
    which order boxes were ticked.
    """
    ticked = {
        place.question.link_id
        for place in definition.places
        if place.question.kind in CHOICES and place.question.repeats
    }
    instants = {
        place.question.link_id
        for place in definition.places
        if place.question.kind is Kind.DATE_TIME and not place.question.repeats
    }

    def cut(value, key=None):
        if isinstance(value, dict):
            inner = {k: cut(v, k) for k, v in value.items()}
            return {k: v for k, v in inner.items() if v != []}
        if isinstance(value, list):
            cuts = [each for v in value if (each := cut(v, key)) != {}]
            return sorted(cuts, key=str) if key in ticked else cuts
        return value[:10] if key in instants and isinstance(value, str) else value

    return cut(answers)


# What was told


def test_the_parts_of_an_entry_stand_together_and_so_do_several_answers():
    definition = asks(
        question("likes", repeats=True, text="What do you like?"), LIST, question("end")
    )
    given = {
        "likes": ["tea", "cake"],
        "pills": [{"name": "A", "dose": "1"}, {"name": "B"}],
        "end": "no",
    }

    blocks = in_blocks(statements_of(definition, given))

    assert [
        (block.is_entry, [(q, [s.text for s in same]) for q, same in block.answers])
        for block in blocks
    ] == [
        (False, [("What do you like?", ["tea", "cake"])]),
        (True, [("name", ["A"]), ("dose", ["1"])]),
        (True, [("name", ["B"])]),
        (False, [("end", ["no"])]),
    ]
