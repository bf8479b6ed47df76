"""
Reading JSON strictly: what two readers could understand differently is refused.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import Any, Final, NoReturn

from clinicflow_core.errors import UnreadableError

__all__ = ["MAX_DEPTH", "read_json"]

MAX_DEPTH: Final = 32

_INT64: Final = range(-(2**63), 2**63)
_INT64_DIGITS: Final = 19

# Possessive, so that an unclosed string is scanned once and not from each quote.
_STRINGS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def read_json(text: bytes) -> object:
    """
    Return what *text*, one JSON value in UTF-8, says.

    Numbers are `int` within 64 bits, or finite `float`; arrays and objects
    nest at most `MAX_DEPTH` deep. Takes time linear in the length.

    Raises:
        UnreadableError: If it is anything else, has a byte order mark, or an
            object has a key twice.
    """
    try:
        body = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"Not UTF-8 at byte {error.start}.") from None
    if body.startswith("\ufeff"):
        raise UnreadableError("Starts with a byte order mark; send plain UTF-8.")
    if not body.strip(" \t\r\n"):
        raise UnreadableError("Empty: a JSON value is needed.")
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _refuse_deep_nesting(body)
    try:
        return _DECODER.decode(body)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise UnreadableError(f"Not JSON at {place}: {error.msg}.") from None


def _refuse_deep_nesting(body: str) -> None:
    brackets = _BRACKETS.findall(_STRINGS.sub("", body))
    if max(accumulate(_STEP[bracket] for bracket in brackets), default=0) > MAX_DEPTH:
        raise UnreadableError(f"Nested deeper than {MAX_DEPTH} levels.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise UnreadableError("An object has the same key twice.")
    return result


def _integer(digits: str) -> int:
    # Counted first: Python refuses to convert thousands of digits, in its own words.
    if len(digits.removeprefix("-")) > _INT64_DIGITS or int(digits) not in _INT64:
        raise UnreadableError("An integer does not fit into 64 bits.")
    return int(digits)


def _number(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise UnreadableError("A number is too large.")
    return number


def _constant(_: str) -> NoReturn:
    raise UnreadableError("NaN and Infinity are not JSON numbers.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_constant,
)
