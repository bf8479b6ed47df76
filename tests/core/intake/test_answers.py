from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.questionnaire import MOST_ENTRIES, Option
from clinicflow_core.errors import InvalidError
from clinicflow_core.intake.answers import (
    MAX_ANSWER,
    MAX_BYTES,
    MOST_LEAVES,
    asked_with,
    check_answers,
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

MEDICATIONS = entries(
    "medications",
    question("name", required=True),
    question("dose"),
    question("stopped", "boolean"),
    question("why", enable_when=when("stopped", "=", True)),
)


def check(definition, raw, *, complete=True):
    return check_answers(definition, raw, complete=complete)


def problems_of(definition, raw, *, complete=True):
    with pytest.raises(InvalidError) as refused:
        check(definition, raw, complete=complete)
    return {problem.pointer: problem.detail for problem in refused.value.problems}


def is_asked(raw, condition, *asked):
    """Return whether the answer to "follow-up", which hangs on a condition, is kept."""
    definition = asks(*asked, question("follow-up", enable_when=condition))
    return "follow-up" in check(definition, {**raw, "follow-up": "x"}).answers


def test_answers_are_kept_in_the_order_of_the_questionnaire():
    definition = asks(
        question("reason"),
        group("page", question("pain", "integer"), group("inner", question("since"))),
        MEDICATIONS,
        choice("colours", "red", "blue", repeats=True),
    )
    raw = {
        "colours": ["blue", "red"],
        "since": "Monday",
        "medications": [{"dose": "10 mg", "name": "Lisinopril"}, {"name": "Aspirin"}],
        "pain": 7,
        "reason": "Headache",
    }

    checked = check(definition, raw)

    assert json.dumps(checked.answers) == json.dumps(
        {
            "reason": "Headache",
            "pain": 7,
            "since": "Monday",
            "medications": [
                {"name": "Lisinopril", "dose": "10 mg"},
                {"name": "Aspirin"},
            ],
            "colours": ["blue", "red"],
        }
    )
    assert checked.dropped == ()


def test_all_that_is_wrong_is_told_at_once_each_with_its_place():
    definition = asks(
        question("reason", required=True),
        question("pain", "integer", max_value=10.0),
        choice("colours", "red", "blue", repeats=True),
        MEDICATIONS,
        group("page", question("inner")),
        question("note", "display"),
    )
    raw = {
        "pain": 11,
        "colours": ["red", "green", "red"],
        "medications": [{"dose": 5}, "Aspirin", {"name": "x", "a/b": 1}],
        "page": {"inner": "x"},
        "note": "x",
        "__proto__": {"admin": True},
    }

    assert problems_of(definition, raw) == {
        "/__proto__": "is not a question here",
        "/colours/1": "must be the code of one of the options",
        "/colours/2": "is given twice",
        "/medications/0/dose": "must be text",
        "/medications/0/name": "is required",
        "/medications/1": "must be an object",
        "/medications/2/a~1b": "is not a question here",
        "/note": "is not a question here",
        "/page": "is not a question here",
        "/pain": "must be at most 10",
        "/reason": "is required",
    }


@pytest.mark.parametrize(
    "blank",
    [
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
        pytest.param(" \n", id="spaces"),
        pytest.param([], id="an empty list"),
        pytest.param({"other": " "}, id="other, without words"),
    ],
)
def test_a_blank_is_no_answer(blank):
    definition = asks(question("reason", required=True))

    assert problems_of(definition, {"reason": blank}) == {"/reason": "is required"}
    assert check(definition, {"reason": blank}, complete=False).answers == {}


def test_no_and_nought_are_answers():
    definition = asks(
        question("smoker", "boolean", required=True),
        question("pain", "integer", required=True),
    )
    raw = {"smoker": False, "pain": 0}

    assert check(definition, raw).answers == raw


def test_blanks_in_a_list_are_left_out():
    definition = asks(question("concerns", repeats=True))

    assert check(definition, {"concerns": ["a", "", None, "b"]}).answers == {
        "concerns": ["a", "b"]
    }
    assert check(definition, {"concerns": ["", None]}).answers == {}


def test_what_repeats_takes_a_list_and_what_does_not_takes_none():
    definition = asks(question("concerns", repeats=True), question("reason"))

    assert problems_of(definition, {"concerns": "a", "reason": ["a"]}) == {
        "/concerns": "must be a list",
        "/reason": "must be text",
    }


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(["a"], "must have at least 2 answers", id="one too few"),
        pytest.param(["a", "b"], None, id="as few as may be"),
        pytest.param(["a", "b", "c"], None, id="as many as may be"),
        pytest.param(
            ["a", "b", "c", "d"], "must have at most 3 answers", id="too many"
        ),
        pytest.param([], None, id="none, where none is required"),
    ],
)
def test_a_list_has_as_many_answers_as_is_asked(raw, problem):
    definition = asks(question("q", repeats=True, min_occurs=2, max_occurs=3))

    if problem is None:
        check(definition, {"q": raw})
    else:
        assert problems_of(definition, {"q": raw}) == {"/q": problem}


def test_a_draft_may_be_short_of_answers_but_not_wrong():
    definition = asks(
        question("reason", required=True),
        question("concerns", repeats=True, min_occurs=2),
        question("pain", "integer"),
    )

    check(definition, {"concerns": ["a"]}, complete=False)

    assert problems_of(definition, {"pain": "bad"}, complete=False) == {
        "/pain": "must be a whole number"
    }


def test_a_list_without_a_limit_has_one_all_the_same():
    definition = asks(question("q", repeats=True), MEDICATIONS)
    raw = {"q": ["x"] * (MOST_ENTRIES + 1)}

    assert problems_of(definition, raw) == {"/q": "must have at most 100 answers"}


@pytest.mark.parametrize(
    ("raw", "missing"),
    [
        pytest.param({}, ["/list", "/page"], id="nothing"),
        pytest.param({"list": [{}], "c": "x"}, ["/list"], id="an entry of nothing"),
        pytest.param({"list": [{"a": "x"}], "c": "x"}, [], id="something of each"),
        pytest.param({"list": [{"a": "x"}]}, ["/page"], id="no page"),
    ],
)
def test_of_a_required_group_something_must_be_answered(raw, missing):
    definition = asks(
        entries("list", question("a"), required=True),
        group("page", question("b"), group("inner", question("c")), required=True),
    )

    if missing:
        assert list(problems_of(definition, raw)) == missing
    else:
        check(definition, raw)


def test_what_shows_a_total_is_neither_asked_nor_missed():
    options = (Option(code="a", score=1),)
    definition = asks(
        question("mood", "choice", options=options),
        question("total", "integer", required=True),
        scores=(scale("mood", total="total"),),
    )

    assert check(definition, {"mood": "a"}).answers == {"mood": "a"}
    assert problems_of(definition, {"total": 3}) == {
        "/total": "is worked out, and not answered"
    }


def test_a_hidden_question_is_dropped_listed_and_not_missed():
    definition = asks(
        question("smoker", "boolean"),
        question(
            "cigarettes",
            "integer",
            required=True,
            enable_when=when("smoker", "=", True),
        ),
    )

    checked = check(definition, {"smoker": False, "cigarettes": 20})

    assert checked.answers == {"smoker": False}
    assert checked.dropped == ("/cigarettes",)
    assert problems_of(definition, {"smoker": True}) == {"/cigarettes": "is required"}


def test_what_is_wrong_with_a_hidden_answer_does_not_matter():
    hidden = when("open", "=", True)
    definition = asks(
        question("open", "boolean"),
        question("pain", "integer", enable_when=hidden),
        entries("list", question("name"), enable_when=hidden),
    )
    raw = {"pain": "bad", "list": [{"name": 7, "unknown": 1}, 7]}

    assert check(definition, raw).dropped == ("/pain", "/list")
    assert list(problems_of(definition, {**raw, "open": True})) == [
        "/list/0/name",
        "/list/0/unknown",
        "/list/1",
        "/pain",
    ]


def test_a_hidden_group_hides_what_it_holds_down_to_the_last_entry():
    definition = asks(
        question("open", "boolean"),
        group(
            "page",
            question("a"),
            group("inner", question("b", required=True)),
            MEDICATIONS,
            enable_when=when("open", "=", True),
        ),
    )
    raw = {"a": "x", "b": "x", "medications": [{"name": "x"}]}

    checked = check(definition, {"open": False, **raw})

    assert checked.answers == {"open": False}
    assert checked.dropped == ("/a", "/b", "/medications")


def test_what_stands_under_a_question_is_asked_once_that_is_answered():
    definition = asks(
        question(
            "vaccinated", "boolean", items=(question("date", "date", required=True),)
        )
    )

    assert check(definition, {"date": "2026"}).dropped == ("/date",)
    assert problems_of(definition, {"vaccinated": False}) == {"/date": "is required"}


def test_hiding_goes_on_from_question_to_question():
    definition = asks(
        question("c", enable_when=when("b", "exists", True)),
        question("b", enable_when=when("a", "=", "yes")),
        question("a"),
    )

    assert check(definition, {"a": "no", "b": "x", "c": "x"}).dropped == ("/c", "/b")
    assert check(definition, {"a": "yes", "b": "x", "c": "x"}).dropped == ()


def test_an_answer_that_is_wrong_opens_nothing():
    definition = asks(
        question("pain", "integer"),
        question("why", required=True, enable_when=when("pain", ">", 5)),
    )

    assert list(problems_of(definition, {"pain": "bad"})) == ["/pain"]


def test_in_a_list_each_entry_is_asked_by_its_own_answers():
    raw = {
        "medications": [
            {"name": "A", "stopped": True, "why": "rash"},
            {"name": "B", "stopped": False, "why": "rash"},
            {"name": "C", "why": "rash"},
        ]
    }

    checked = check(asks(MEDICATIONS), raw)

    assert checked.dropped == ("/medications/1/why", "/medications/2/why")
    assert checked.answers["medications"][0]["why"] == "rash"
    assert checked.answers["medications"][1] == {"name": "B", "stopped": False}


def test_in_a_list_an_answer_from_outside_opens_questions_in_every_entry():
    definition = asks(
        question("details", "boolean"),
        entries(
            "doctors",
            question("name"),
            entries("visits", question("why", enable_when=when("details", "=", True))),
        ),
    )
    raw = {"doctors": [{"visits": [{"why": "x"}]}, {"visits": [{}, {"why": "x"}]}]}

    assert check(definition, {"details": True, **raw}).dropped == ()
    assert check(definition, raw).dropped == (
        "/doctors/0/visits/0/why",
        "/doctors/1/visits/1/why",
    )


@pytest.mark.parametrize(
    ("operator", "value", "asked"),
    [
        pytest.param("exists", True, (False, True, True), id="exists"),
        pytest.param("exists", False, (True, False, False), id="does not exist"),
        pytest.param("=", 5, (False, True, False), id="="),
        pytest.param("!=", 5, (False, False, True), id="!="),
        pytest.param(">", 5, (False, False, True), id=">"),
        pytest.param(">=", 5, (False, True, True), id=">="),
        pytest.param("<", 6, (False, True, False), id="<"),
        pytest.param("<=", 5, (False, True, False), id="<="),
    ],
)
def test_a_condition_compares_the_answer(operator, value, asked):
    condition = when("pain", operator, value)
    answers = ({}, {"pain": 5}, {"pain": 6})
    pain = question("pain", "integer")

    assert tuple(is_asked(raw, condition, pain) for raw in answers) == asked


@pytest.mark.parametrize(
    ("kind", "answer", "operator", "value", "asked"),
    [
        pytest.param("date", "2026-03-02", ">", "2026-03-01", True, id="later"),
        pytest.param("date", "2026", ">", "2026-03-01", False, id="maybe later"),
        pytest.param("date", "2026", ">=", "2026-03-01", True, id="of that year"),
        pytest.param(
            "dateTime",
            "2026-03-01T23:00:00-05:00",
            "=",
            "2026-03-02T04:00:00Z",
            True,
            id="the same instant elsewhere",
        ),
        pytest.param("dateTime", "2026-03", "=", "2026-03-02", True, id="its month"),
        pytest.param("time", "09:00", "=", "09:00:00", True, id="the same time"),
        pytest.param("time", "09:00", "<", "09:30", True, id="an earlier time"),
        pytest.param("string", "b", "=", "b", True, id="the same words"),
    ],
)
def test_days_and_times_compare_as_far_as_they_are_known(
    kind, answer, operator, value, asked
):
    condition = when("q", operator, value)

    assert is_asked({"q": answer}, condition, question("q", kind)) is asked


def test_of_several_answers_one_is_enough_for_a_condition():
    colours = choice("colours", "red", "blue", repeats=True)

    assert is_asked({"colours": ["red", "blue"]}, when("colours", "=", "blue"), colours)
    assert is_asked({"colours": ["red", "blue"]}, when("colours", "!=", "red"), colours)
    assert not is_asked({"colours": ["red"]}, when("colours", "!=", "red"), colours)


def test_what_the_patient_adds_to_a_choice_compares_by_its_words():
    colour = choice("colour", "red", kind="open-choice")

    assert is_asked({"colour": {"other": "pink"}}, when("colour", "=", "pink"), colour)
    assert is_asked({"colour": "red"}, when("colour", "!=", "pink"), colour)


@pytest.mark.parametrize(
    ("enable_any", "raw", "asked"),
    [
        pytest.param(False, {"a": "x"}, False, id="all, one of two"),
        pytest.param(False, {"a": "x", "b": "x"}, True, id="all, two of two"),
        pytest.param(True, {"a": "x"}, True, id="any, one of two"),
        pytest.param(True, {}, False, id="any, none"),
    ],
)
def test_of_several_conditions_all_or_any_must_hold(enable_any, raw, asked):
    conditions = when("a", "=", "x") + when("b", "=", "x")
    definition = asks(
        question("a"),
        question("b"),
        question("c", enable_when=conditions, enable_any=enable_any),
    )

    assert ("c" in check(definition, {**raw, "c": "x"}).answers) is asked


def test_what_hangs_on_no_condition_is_asked():
    definition = asks(question("q", enable_any=True))

    assert check(definition, {"q": "x"}).answers == {"q": "x"}


@given(st.data())
def test_what_was_kept_is_kept_again_and_nothing_more_is_dropped(data):
    definition = data.draw(definitions())
    raw = data.draw(answers_to(definition))

    checked = check(definition, raw, complete=False)
    again = check(definition, checked.answers, complete=False)

    assert again.answers == checked.answers
    assert again.dropped == ()


@given(st.data())
def test_every_answer_is_either_kept_or_listed_as_dropped(data):
    definition = data.draw(definitions())
    raw = data.draw(answers_to(definition))

    checked = check(definition, raw, complete=False)

    given_pointers = set(_pointers(raw))
    kept = set(_pointers(checked.answers))
    gone = {p for p in given_pointers for d in checked.dropped if _is_in(p, d)}
    assert kept | gone == given_pointers
    assert not kept & gone


def _pointers(value, pointer=""):
    if isinstance(value, dict) and not value.keys() & {"other", "value"}:
        for key, inner in value.items():
            yield from _pointers(inner, f"{pointer}/{key}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _pointers(inner, f"{pointer}/{n}")
    else:
        yield pointer


def _is_in(pointer, dropped):
    return pointer == dropped or pointer.startswith(f"{dropped}/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["q0", "q1", "q2", "q3", "x"]), JSON), st.data())
def test_whatever_is_sent_is_kept_or_refused_and_never_breaks_anything(raw, data):
    definition = data.draw(st.none() | definitions())

    try:
        checked = check(definition, raw)
    except InvalidError:
        return
    json.dumps(checked.answers, allow_nan=False)


def test_a_free_form_is_kept_as_it_came():
    raw = {"question1": "answer1", "medications": ["drug1", None], "": {"a": [{}]}}

    checked = check(None, raw)

    assert checked.answers == raw
    assert checked.dropped == ()


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("raw", "pointer", "detail"),
    [
        pytest.param([], "", "must be an object", id="a list"),
        pytest.param({"a": 2**63}, "/a", "must fit into 64 bits", id="64 bits"),
        pytest.param(
            {"a": float("inf")}, "/a", "must be a finite number", id="infinity"
        ),
        pytest.param({"a": "\0"}, "/a", "must not contain NUL", id="NUL"),
        pytest.param({"a": b"x"}, "/a", "must be a JSON value", id="bytes"),
        pytest.param({7: "x"}, "/7", "must be text", id="a number as a key"),
        pytest.param({"\0": 1}, "/\0", "must not contain NUL", id="NUL in a key"),
        pytest.param(
            {"k" * 256: 1},
            "/" + "k" * 254,
            "must have a name of at most 255 characters",
            id="a long key",
        ),
        pytest.param(
            {"a": "x" * 20_001}, "/a", "must be at most 20000 characters", id="long"
        ),
        pytest.param(
            {str(n): 1 for n in range(MOST_LEAVES + 1)},
            "",
            "must be at most 1000 answers",
            id="too many",
        ),
        pytest.param(
            {str(n): "x" * 20_000 for n in range(4)},
            "",
            "must be at most 64 KiB",
            id="too much",
        ),
    ],
)
def test_a_free_form_has_bounds(raw, pointer, detail):
    assert problems_of(None, raw) == {pointer: detail}


def test_a_free_form_nests_eight_levels_deep():
    check(None, nested(8))

    assert problems_of(None, nested(9)) == {"/a" * 8: "is nested too deeply"}


@pytest.mark.parametrize("definition", [None, asks(question("q"))])
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({f"k{n}": n for n in range(10_000)}, id="10,000 keys"),
        pytest.param({"q": nested(5000)}, id="nested 5,000 deep"),
        pytest.param({"q": [[]] * 100_000}, id="100,000 empty lists"),
        pytest.param({"k" * 1_000_000: "x"}, id="a key of a megabyte"),
        pytest.param({"q": "x" * 10 * MAX_BYTES}, id="a long text"),
        pytest.param({"\ud800": "x"}, id="half a surrogate pair"),
    ],
)
def test_hostile_answers_are_refused_at_once(definition, raw):
    calls(lambda: problems_of(definition, raw), most=1000)

    assert len(json.dumps(problems_of(definition, raw))) < 10_000


def test_lists_in_lists_have_room_for_so_many_answers_and_no_more():
    inner = entries("inner", *(question(f"q{n}") for n in range(100)))
    definition = asks(entries("outer", inner))
    check(definition, {"outer": [{"inner": [{}] * 9}] * 20})

    assert problems_of(definition, {"outer": [{"inner": [{}] * 9}] * 30}) == {
        "": "has too many entries"
    }


def test_ten_times_the_entries_are_about_ten_times_the_work():
    fields = [question(f"q{n}", max_length=10) for n in range(9)]
    definition = asks(entries("list", *fields))
    entry = {f"q{n}": "x" for n in range(9)}
    few = calls(lambda: check(definition, {"list": [entry] * 10}), most=10_000)

    calls(lambda: check(definition, {"list": [entry] * 100}), most=12 * few)


# What is asked by now


def test_what_is_asked_follows_what_was_answered():
    definition = asks(
        question("hint", "display"),
        question("smokes", "boolean"),
        group(
            "smoking",
            question("packs", "integer"),
            question("since"),
            enable_when=when("smokes", "=", True),
        ),
    )

    assert asked_with(definition, {}) == {"/hint", "/smokes"}
    assert asked_with(definition, {"smokes": True}) == {
        "/hint",
        "/smokes",
        "/smoking",
        "/packs",
        "/since",
    }


def test_each_entry_is_asked_its_own_questions():
    asked = asked_with(
        asks(MEDICATIONS), {"medications": [{"stopped": True}, {"name": "Aspirin"}]}
    )

    assert "/medications/0/why" in asked
    assert "/medications/1/name" in asked
    assert "/medications/1/why" not in asked


def test_an_answer_that_does_not_fit_lets_nothing_be_asked():
    definition = asks(
        question("smokes", "boolean"),
        question("packs", enable_when=when("smokes", "exists", True)),
    )

    assert asked_with(definition, {"smokes": "perhaps"}) == {"/smokes"}


@pytest.mark.parametrize("unfit", ["x" * (MAX_ANSWER + 1), "a\x00b", 2**63])
def test_an_answer_that_nobody_could_keep_lets_nothing_be_asked(unfit):
    packs = question("packs", enable_when=when("smokes", "exists", True))
    definition = asks(question("smokes"), packs)

    assert asked_with(definition, {"smokes": unfit}) == {"/smokes"}
    assert asked_with(definition, {"smokes": "yes", "packs": [unfit]}) == {
        "/smokes",
        "/packs",
    }


def test_too_many_answers_are_not_looked_at():
    with pytest.raises(InvalidError):
        asked_with(asks(question("reason")), {"reason": ["x"] * (MOST_LEAVES + 1)})


@given(st.data())
def test_no_answer_is_kept_that_is_not_asked_for(data):
    definition = data.draw(definitions())
    raw = data.draw(answers_to(definition))

    checked = check(definition, raw, complete=False)

    asked = asked_with(definition, raw)
    assert {f"/{link_id}" for link_id in checked.answers} <= asked
    assert not asked & set(checked.dropped)
