"""FHIR R4 value sets: the codes that a choice can be made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from clinicflow_core.interchange.extensions import ORDINAL
from clinicflow_core.interchange.nodes import Node

_INCLUDE: Final = frozenset({"id", "system", "version", "concept"})
_LOINC: Final = "http://loinc.org"
_YES_NO: Final = "http://terminology.hl7.org/CodeSystem/v2-0136"
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

Options = tuple[Mapping[str, object], ...]


def _option(system: str, code: str, display: str, score: int | None) -> dict[str, Any]:
    return {"system": system, "code": code, "display": display, "score": score}


WELL_KNOWN: Final[Mapping[str, Options]] = MappingProxyType(
    {
        # LOINC's answers of PHQ-9 and GAD-7, with what they count.
        "http://loinc.org/vs/LL358-3": (
            _option(_LOINC, "LA6568-5", "Not at all", 0),
            _option(_LOINC, "LA6569-3", "Several days", 1),
            _option(_LOINC, "LA6570-1", "More than half the days", 2),
            _option(_LOINC, "LA6571-9", "Nearly every day", 3),
        ),
        "http://hl7.org/fhir/ValueSet/yesnodontknow": (
            _option(_YES_NO, "Y", "Yes", None),
            _option(_YES_NO, "N", "No", None),
            _option(_ABSENT, "asked-unknown", "Don't know", None),
        ),
    }
)
"""Those that need not be given, by their canonical address."""


def addresses(value_set: Node, full_url: str | None) -> Iterator[str]:
    """Yield what a value set of a Bundle can be asked for by."""
    if url := value_set.text("url"):
        yield url
        if version := value_set.text("version"):
            yield f"{url}|{version}"
    if full_url:
        yield full_url


def resolve(address: str, known: Mapping[str, Node]) -> Options | None:
    """
    Return the options of a value set, or None if it is not among those that are known.

    One that is known but does not list its codes is noted as a problem of its own.
    """
    if found := known.get(address):
        return tuple(_options(found))
    return WELL_KNOWN.get(address)


def option_of(coding: Node, *beside: Node) -> dict[str, object]:
    """
    Return an option from a coding, or from what has the same keys.

    Args:
        beside: Extensions that stand around it.
    """
    if coding.text("code") is None:
        coding.wrong("/code", "is required")
    return {
        "code": coding.text("code") or coding.pointer,
        "system": coding.text("system"),
        "display": coding.text("display"),
        "score": score_of([*coding.nodes("extension"), *beside]),
    }


def score_of(extensions: Iterable[Node]) -> int | None:
    """Return what an option counts; note every other thing that is said of it."""
    score = None
    for extension in extensions:
        value: Any = extension.value.get("valueDecimal")
        if (url := extension.text("url")) != ORDINAL:
            extension.unsupported(url)
        elif type(value) is int or (type(value) is float and value.is_integer()):
            score = int(value)
        else:
            extension.wrong("/valueDecimal", "must be a whole number")
    return score


def _options(value_set: Node) -> Iterator[Mapping[str, object]]:
    if expansion := value_set.node("expansion"):
        yield from _contained(expansion)
        return
    compose = value_set.node("compose")
    if compose is None:
        value_set.wrong("/compose", "is required")
        return
    if "exclude" in compose.value:
        compose.wrong("/exclude", "is not read: list the codes instead")
    for include in compose.nodes("include"):
        include.only(_INCLUDE)
        if "concept" not in include.value:
            include.wrong("/concept", "is required: the codes must be listed")
        for concept in include.nodes("concept"):
            yield {**option_of(concept), "system": include.text("system")}


def _contained(part: Node) -> Iterator[Mapping[str, object]]:
    for each in part.nodes("contains"):
        if not (each.flag("abstract") or each.flag("inactive")):
            yield option_of(each)
        yield from _contained(each)
