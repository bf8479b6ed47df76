"""Questionnaires for the tests: name only what the test is about."""

from __future__ import annotations

from datetime import date
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from clinicflow_core.entities.questionnaire import (
    MOST_ENTRIES,
    Band,
    Code,
    Condition,
    Definition,
    Kind,
    Operator,
    Option,
    OptionType,
    Question,
    Scale,
)
from clinicflow_core.entities.summary import Facet, Topic


def asks(*items: Question, **fields: Any) -> Definition:
    """Return a questionnaire of these questions."""
    return Definition(**{"name": "intake", "title": "Intake", "items": items} | fields)


def question(link_id: str, kind: str = "string", **fields: Any) -> Question:
    return Question(link_id=link_id, kind=Kind(kind), **fields)


def group(link_id: str, *items: Question, **fields: Any) -> Question:
    return question(link_id, "group", items=items, **fields)


def entries(link_id: str, *items: Question, **fields: Any) -> Question:
    """Return a group that repeats."""
    return group(link_id, *items, repeats=True, **fields)


def choice(link_id: str, *codes: str, **fields: Any) -> Question:
    options = tuple(Option(code=code) for code in codes)
    return question(link_id, **{"kind": "choice", "options": options} | fields)


def when(link_id: str, operator: str, value: object) -> tuple[Condition, ...]:
    condition = Condition(question=link_id, operator=Operator(operator), value=value)
    return (condition,)


def scale(*questions: str, **fields: Any) -> Scale:
    return Scale(**{"name": "mood", "title": "Mood", "questions": questions} | fields)


# What Hypothesis makes is small: it is about kinds, not about sizes.
WORDS = st.text("ab é-0", min_size=1, max_size=12).filter(str.strip)
_MAYBE_WORDS = st.none() | WORDS
CODES = st.builds(
    Code,
    code=WORDS.map(lambda words: " ".join(words.split())),
    system=st.none() | st.just("http://example.org/codes"),
    display=_MAYBE_WORDS,
)
OTHERS_EXTENSIONS = st.lists(
    st.fixed_dictionaries({"url": st.just("urn:other"), "valueString": WORDS}),
    max_size=2,
).map(tuple)


@st.composite
def options(draw: st.DrawFn) -> tuple[Option, ...]:
    codes = draw(st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True))
    return tuple(draw(_option(str(code))) for code in codes)


def _option(code: str) -> st.SearchStrategy[Option]:
    scores = st.none() | st.integers(-3, 9)
    plain = st.sampled_from([OptionType.STRING, OptionType.INTEGER])
    return st.builds(
        Option,
        code=st.just(code),
        system=st.none() | st.just("http://example.org/codes"),
        display=_MAYBE_WORDS,
        score=scores,
    ) | st.builds(Option, code=st.just(code), type=plain, score=scores)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Return any questionnaire that is not deep and has few questions."""
    ids = iter(range(1000))
    items = draw(_items(ids, depth=1))
    for _ in range(draw(st.integers(0, 3))):
        items = draw(_with_condition(items))
    return Definition(
        name=draw(st.sampled_from(["intake", "a.b-2", "x"])),
        title=draw(WORDS),
        description=draw(_MAYBE_WORDS),
        url=draw(st.none() | st.just("https://example.org/Questionnaire/intake")),
        codes=tuple(draw(st.lists(CODES, max_size=2))),
        items=items,
        scores=draw(_scores(items)),
        extensions=draw(OTHERS_EXTENSIONS),
    )


@st.composite
def _items(draw: st.DrawFn, ids: Any, depth: int) -> tuple[Question, ...]:
    count = draw(st.integers(1, 4 if depth == 1 else 2))
    return tuple(draw(_question(ids, depth)) for _ in range(count))


@st.composite
def _question(draw: st.DrawFn, ids: Any, depth: int) -> Question:
    kinds = [kind for kind in Kind if depth < 3 or kind is not Kind.GROUP]
    kind = draw(st.sampled_from(kinds))
    fields: dict[str, Any] = {
        "text": draw(_MAYBE_WORDS),
        "prefix": draw(_MAYBE_WORDS),
        "codes": tuple(draw(st.lists(CODES, max_size=2))),
        "topic": draw(st.none() | st.sampled_from(Topic)),
        "facet": draw(st.none() | st.sampled_from(Facet)),
        "extensions": draw(OTHERS_EXTENSIONS),
    }
    link_id = f"q{next(ids)}"
    if kind is not Kind.DISPLAY:
        fields["required"] = draw(st.booleans())
        fields["repeats"] = draw(st.booleans())
    if fields.get("repeats"):
        fields["min_occurs"] = draw(st.none() | st.integers(0, 2))
        fields["max_occurs"] = draw(st.none() | st.integers(2, MOST_ENTRIES))
    if kind in (Kind.INTEGER, Kind.DECIMAL):
        fields["min_value"] = draw(st.none() | st.integers(-5, 0).map(float))
        fields["max_value"] = draw(st.none() | st.integers(0, 5).map(float))
        fields["units"] = tuple(draw(st.lists(CODES, max_size=1)))
    elif kind is Kind.QUANTITY:
        fields["units"] = tuple(draw(st.lists(CODES, max_size=2)))
    elif kind in (Kind.DATE, Kind.DATE_TIME):
        fields["earliest"] = draw(st.none() | st.just(date(2026, 1, 1)))
        fields["latest"] = draw(st.none() | st.just(date(2026, 12, 31)))
    elif kind in (Kind.STRING, Kind.TEXT, Kind.URL, Kind.REFERENCE):
        fields["max_length"] = draw(st.none() | st.integers(1, 50))
    elif kind in (Kind.CHOICE, Kind.OPEN_CHOICE):
        fields["options"] = draw(options())
    if kind is Kind.GROUP or (
        kind is not Kind.DISPLAY
        and not fields["repeats"]
        and depth < 3
        and draw(st.integers(0, 4)) == 0
    ):
        fields["items"] = draw(_items(ids, depth + 1))
    return Question(link_id=link_id, kind=kind, **fields)


@st.composite
def _with_condition(draw: st.DrawFn, items: tuple[Question, ...]) -> Any:
    """Let a question at the top depend on one that comes before it."""
    last = draw(st.integers(0, len(items) - 1))
    asked = [each for each in items[:last] if each.is_asked]
    if not asked:
        return items
    other = draw(st.sampled_from(asked))
    value = draw(answer_to(other))
    is_known = other.kind not in (Kind.QUANTITY, Kind.REFERENCE)
    if is_known and type(value) is not dict and draw(st.booleans()):
        conditions = when(other.link_id, draw(st.sampled_from(["=", "!="])), value)
    else:
        conditions = when(other.link_id, "exists", draw(st.booleans()))
    changed = evolve(
        items[last],
        enable_when=(*items[last].enable_when, *conditions),
        enable_any=draw(st.booleans()),
    )
    return (*items[:last], changed, *items[last + 1 :])


@st.composite
def _scores(draw: st.DrawFn, items: tuple[Question, ...]) -> tuple[Scale, ...]:
    scored = [
        each.link_id
        for each in items
        if each.kind is Kind.CHOICE
        and not each.repeats
        and all(option.score is not None for option in each.options)
    ]
    totals = [e.link_id for e in items if e.kind is Kind.INTEGER and not e.repeats]
    used = {c.question for each in items for c in each.enable_when}
    if not scored or not draw(st.booleans()):
        return ()
    free = [None, *(each for each in totals if each not in used)]
    bands = (Band(at_least=0, title="Low"), Band(at_least=3, title="High"))
    return (scale(*scored, bands=bands, total=draw(st.sampled_from(free))),)


def answer_to(asked: Question) -> st.SearchStrategy[Any]:
    """Return one answer that fits the question."""
    if asked.kind in (Kind.INTEGER, Kind.DECIMAL):
        low = -2 if asked.min_value is None else int(asked.min_value)
        high = 2 if asked.max_value is None else int(asked.max_value)
        return st.integers(low, high)
    if asked.kind is Kind.QUANTITY and asked.units:
        units = st.sampled_from([unit.code for unit in asked.units])
        return units.map(lambda unit: {"value": 2.5, "unit": unit})
    if asked.kind in _ANSWERS:
        return st.sampled_from(_ANSWERS[asked.kind])
    text = WORDS.map(lambda words: words.strip()[: asked.max_length])
    codes = st.sampled_from([option.code for option in asked.options] or [""])
    match asked.kind:
        case Kind.CHOICE:
            return codes
        case Kind.OPEN_CHOICE:
            return codes | text.map(lambda words: {"other": words})
        case Kind.URL:
            return st.just("a:b"[: asked.max_length])
        case _:
            return text


_ANSWERS: dict[Kind, list[Any]] = {
    Kind.BOOLEAN: [True, False],
    Kind.DATE: ["2026", "2026-03", "2026-03-02"],
    Kind.DATE_TIME: ["2026-03", "2026-03-02T09:00:00-05:00"],
    Kind.TIME: ["09:00", "09:00:30"],
    Kind.QUANTITY: [{"value": 2}, {"value": 2.5, "unit": "mg"}],
}


@st.composite
def answers_to(draw: st.DrawFn, asked: Definition) -> dict[str, Any]:
    """Return answers that fit, to some of the questions, hidden ones too."""
    return draw(_answers(asked.items, asked.totals))


@st.composite
def _answers(
    draw: st.DrawFn, items: tuple[Question, ...], totals: frozenset[str]
) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for item in items:
        if item.is_list:
            if draw(st.booleans()):
                inner = _answers(item.items, totals)
                answers[item.link_id] = draw(st.lists(inner, min_size=1, max_size=2))
            continue
        answers |= draw(_answers(item.items, totals))
        if not item.is_asked or item.link_id in totals or draw(st.booleans()):
            continue
        one = answer_to(item)
        if item.repeats:
            once = st.lists(one, min_size=1, max_size=2, unique_by=repr)
            answers[item.link_id] = draw(once)
        else:
            answers[item.link_id] = draw(one)
    return answers
