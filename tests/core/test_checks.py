from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any, NewType
from uuid import UUID

import pytest
from attrs import field, fields, frozen

from clinicflow_core.checks import (
    at_most,
    email,
    one_line,
    pattern,
    text,
    whole,
    zone,
)
from clinicflow_core.wire import UNSET

PetId = NewType("PetId", UUID)
PET = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
CET = timezone(timedelta(hours=1))


NOT_ONE_LINE = "must be one line without control characters"
NOT_IANA = "is not an IANA time zone"


@frozen
class Checked:
    value: Any = field()


def complaint(check: Any, value: object) -> str | None:
    try:
        check(None, fields(Checked).value, value)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        pytest.param(text(3), "a\nb", None, id="text: fits"),
        pytest.param(
            text(3), "abcd", "must be at most 3 characters", id="text: too long"
        ),
        pytest.param(text(3), "", "must not be blank", id="text: empty"),
        pytest.param(text(9), " \t\u2003\ufeff", "must not be blank", id="text: blank"),
        pytest.param(text(9, 2), " a", None, id="text: just long enough"),
        pytest.param(
            text(9, 2), "a", "must be at least 2 characters", id="text: too short"
        ),
        pytest.param(text(9, 0), "", None, id="text: may be empty"),
        pytest.param(text(9, 0), " ", None, id="text: may be blank"),
        pytest.param(text(9), "a\0", "must not contain NUL", id="text: NUL"),
        pytest.param(
            text(9),
            "a\udc80",
            "must not contain half of a surrogate pair",
            id="text: surrogate",
        ),
        pytest.param(one_line(9), "\u3000Zoë 😀", None, id="line: fits"),
        pytest.param(one_line(9, 0), "", None, id="line: may be empty"),
        pytest.param(one_line(9), " ", "must not be blank", id="line: blank"),
        *(
            pytest.param(
                one_line(9), f"a{c}b", NOT_ONE_LINE, id=f"line: U+{ord(c):04X}"
            )
            for c in "\n\r\t\x0b\x1b\x7f\x85\u2028\u2029"
        ),
        pytest.param(one_line(9), "a\n", NOT_ONE_LINE, id="line: break at the end"),
        pytest.param(whole(1, 5), 1, None, id="whole: lower bound"),
        pytest.param(whole(1, 5), 5, None, id="whole: upper bound"),
        pytest.param(whole(1, 5), 0, "must be between 1 and 5", id="whole: below"),
        pytest.param(whole(1, 5), 6, "must be between 1 and 5", id="whole: above"),
        pytest.param(pattern("a|b", "no"), "b", None, id="pattern: matches"),
        pytest.param(
            pattern("a|b", "no"), "ac", "no", id="pattern: matches only the start"
        ),
        pytest.param(at_most(1), (1,), None, id="at most: fits"),
        pytest.param(
            at_most(1),
            {"a": 1, "b": 2},
            "must have at most 1 items",
            id="at most: too many",
        ),
        pytest.param(zone(), "Europe/Vienna", None, id="zone: known"),
        *(
            pytest.param(zone(), name, NOT_IANA, id=f"zone: {name!r}")
            for name in (
                "",
                "Etc/Unknown",
                "../../etc/passwd",
                "/etc/localtime",
                "europe/vienna",
                "posix/UTC",
                "Factory",
                "localtime",
                "a\0",
                "\ud800",
            )
        ),
    ],
)
@pytest.mark.parametrize("empty", [None, UNSET])
def test_a_validator_says_what_is_wrong(check, value, expected, empty):
    assert complaint(check, value) == expected
    assert complaint(check, empty) is None


@pytest.mark.parametrize(
    "address",
    [
        "a@b.co",
        "first.last+tag@sub.example.org",
        "o'neil@ex-ample.com",
        "zoë@münchen.de",
        f"{'a' * 64}@b.co",
    ],
)
def test_an_email_address_is_taken(address):
    assert complaint(email(), address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b.co",
        "a@",
        "a@b",
        "a@@b.co",
        "a@b@c.co",
        "a b@c.co",
        "a@b .co",
        "a@b.co\n",
        "a@b.co\r\nBcc: x@y.z",
        ".a@b.co",
        "a.@b.co",
        "a..b@c.co",
        "a@.b.co",
        "a@b..co",
        "a@b.co.",
        "a@-b.co",
        "a@b-.co",
        "a@b_c.co",
        '"a"@b.co',
        "a,b@c.co",
        "<a@b.co>",
        "a\0@b.co",
        "\ud800@b.co",
        "a@\ud800.co",
        "a@\u3000.co",
        f"{'a' * 65}@b.co",
        f"a@{'b' * 64}.co",
        f"a@{'ü' * 63}.de",
        f"a@{'b.' * 130}co",
    ],
)
def test_what_is_no_email_address_is_refused(address):
    assert complaint(email(), address) is not None


def test_a_long_email_address_is_called_too_long():
    assert complaint(email(10), "first@example.org") == "must be at most 10 characters"


def test_whoever_makes_a_request_is_told_which_field_is_wrong():
    @frozen
    class Request:
        duration: int = field(validator=whole(1, 1440))

    with pytest.raises(ValueError, match=r"^duration must be between 1 and 1440$"):
        Request(-3)
