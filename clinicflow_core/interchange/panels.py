"""Questionnaires that score, as LOINC knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from clinicflow_core.interchange.value_sets import WELL_KNOWN

LOINC: Final = "http://loinc.org"

_PHQ_2: Final = ("44250-9", "44255-8")
_PHQ_8: Final = (
    *_PHQ_2,
    "44259-0",
    "44254-1",
    "44251-7",
    "44258-2",
    "44252-5",
    "44253-3",
)
_GAD_7: Final = (
    "69725-0",
    "68509-9",
    "69733-4",
    "69734-2",
    "69735-9",
    "69689-8",
    "69736-7",
)


@frozen
class Panel:
    """
    A questionnaire that scores.

    Attributes:
        codes: LOINC's of the whole.
        questions: LOINC's of the questions that count.
        totals: LOINC's of what shows the total.
        bands: The lowest total of each, and what it means.
    """

    name: str
    title: str
    codes: tuple[str, ...]
    questions: tuple[str, ...]
    totals: tuple[str, ...]
    bands: tuple[tuple[int, str], ...]


# Kroenke, Spitzer and Williams 2001; Kroenke and others 2009 for the eight questions,
# 2003 for the two; Spitzer and others 2006 for GAD-7.
_DEPRESSION: Final = (
    (0, "Minimal depression"),
    (5, "Mild depression"),
    (10, "Moderate depression"),
    (15, "Moderately severe depression"),
    (20, "Severe depression"),
)
PANELS: Final = (
    Panel(
        name="phq-9",
        title="PHQ-9 (depression)",
        codes=("44249-1",),
        questions=(*_PHQ_8, "44260-8"),
        totals=("44261-6",),
        bands=_DEPRESSION,
    ),
    # HL7's own example of PHQ-9 leaves out the ninth question, on harming oneself.
    Panel(
        name="phq-8",
        title="PHQ-8 (depression)",
        codes=("44249-1",),
        questions=_PHQ_8,
        totals=("44261-6",),
        bands=_DEPRESSION,
    ),
    Panel(
        name="gad-7",
        title="GAD-7 (anxiety)",
        codes=("69737-5",),
        questions=_GAD_7,
        totals=("70274-6",),
        bands=(
            (0, "Minimal anxiety"),
            (5, "Mild anxiety"),
            (10, "Moderate anxiety"),
            (15, "Severe anxiety"),
        ),
    ),
    Panel(
        name="phq-2",
        title="PHQ-2 (depression)",
        codes=("55757-9",),
        questions=_PHQ_2,
        totals=("55758-7",),
        bands=((0, "Depression is unlikely"), (3, "Depression is possible")),
    ),
)


def recognised(definition: Mapping[str, Any]) -> list[dict[str, object]]:
    """
    Return the scores of the panels that a definition, as JSON, holds.

    A panel is there if the definition or a group has its code, and all of its
    questions are there, each a choice with one answer that counts something; of
    several panels that share a code the fullest is meant. LOINC's own answers count
    what they always do, where the definition does not say it.
    """
    items = list(_items(definition["items"]))
    whole = {code for part in (definition, *items) for code in _loinc(part)}
    by_code = {code: item for item in items for code in _loinc(item)}
    scores: list[dict[str, object]] = []
    used: set[str] = set()
    for panel in PANELS:
        codes = set(panel.codes) & whole - used
        asked = [by_code[code] for code in panel.questions if code in by_code]
        if codes and len(asked) == len(panel.questions) and all(map(_counts, asked)):
            used |= codes
            totals = (by_code[c].get("link_id") for c in panel.totals if c in by_code)
            scores.append(
                {
                    "name": panel.name,
                    "title": panel.title,
                    "questions": [item["link_id"] for item in asked],
                    "bands": [{"at_least": n, "title": t} for n, t in panel.bands],
                    "total": next(totals, None),
                }
            )
    return scores


def _items(items: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield what has one answer at most: no list, and nothing in one."""
    for item in items:
        if not item["repeats"]:
            yield item
            yield from _items(item["items"])


def _counts(item: dict[str, Any]) -> bool:
    """Whether each option counts something; one of LOINC's is given what it counts."""
    options = [_counted(option) for option in item.get("options", [])]
    fits = "link_id" in item and item["kind"] == "choice"
    if not fits or any(option.get("score") is None for option in options):
        return False
    item["options"] = options
    return True


def _counted(option: Mapping[str, Any]) -> Mapping[str, Any]:
    usual = _USUAL.get(option["code"]) if option.get("system") == LOINC else None
    return {"score": usual} | {k: v for k, v in option.items() if v is not None}


_USUAL: Final = {
    option["code"]: option["score"]
    for option in WELL_KNOWN["http://loinc.org/vs/LL358-3"]
}


def _loinc(part: Mapping[str, Any]) -> Iterator[str]:
    return (
        c["code"] for c in part["codes"] if c.get("system") == LOINC and "code" in c
    )
