from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from enum import Enum
from uuid import UUID

import pytest
from attrs import field, frozen
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from clinicflow_core.checks import one_line, whole
from clinicflow_core.errors import (
    InvalidError,
    LastOwnerError,
    NotPermittedError,
    NotSignedInError,
    Problem,
    StaleVersionError,
    TooManyTriesError,
    UnreadableError,
    UserNotFoundError,
    WrongCredentialsError,
)
from clinicflow_core.wire import UNSET, LocalDateTime, Unset
from clinicflow_flask.pages import forms
from clinicflow_flask.pages.forms import Form

KEY = UUID(int=7)


class Color(Enum):
    RED = "red"


@frozen(kw_only=True)
class Address:
    street: str = field(validator=one_line(20))
    number: int | None = None


@frozen(kw_only=True)
class Wish:
    """One field of each kind that a form can hold."""

    name: str = field(default="-", validator=one_line(20))
    note: str | None = None
    count: int | None = field(default=None, validator=whole(0, 99))
    day: date | None = None
    at: time | None = None
    from_: LocalDateTime | None = None
    color: Color | None = None
    id: UUID | None = None
    sure: bool = False
    days: tuple[date, ...] = ()
    colors: frozenset[Color] = frozenset()
    minutes: Mapping[str, int] = field(factory=dict)
    home: Address | None = None


@frozen(kw_only=True)
class Change:
    name: str | Unset = field(default=UNSET, validator=one_line(20))
    note: str | Unset | None = UNSET
    count: int | Unset | None = UNSET
    sure: bool | Unset = UNSET


def form(*typed: tuple[str, str]) -> Form:
    return Form(MultiDict(typed))


def filled(cls: type, *typed: tuple[str, str]) -> object:
    """Return what a form asks for; it must be fine."""
    sent = form(*typed)
    wanted = sent.done(cls, lambda wish: wish)
    assert sent.is_fine, sent.problems
    assert sent.status == 200
    return wanted


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        pytest.param([("name", " Ann \n")], "name", "Ann", id="a text"),
        pytest.param([("note", "a\r\nb")], "note", "a\nb", id="lines"),
        pytest.param([("note", "  ")], "note", None, id="a blank"),
        pytest.param([("count", "7")], "count", 7, id="a number"),
        pytest.param([("count", "007")], "count", 7, id="a number with zeros"),
        pytest.param([("count", "")], "count", None, id="no number"),
        pytest.param([("day", "2026-03-02")], "day", date(2026, 3, 2), id="a day"),
        pytest.param([("at", "09:00")], "at", time(9), id="a time"),
        pytest.param([("color", "red")], "color", Color.RED, id="a choice"),
        pytest.param([("color", "")], "color", None, id="no choice"),
        pytest.param([("id", str(KEY))], "id", KEY, id="an id"),
        pytest.param([("sure", "yes")], "sure", True, id="yes"),
        pytest.param([("sure", "no")], "sure", False, id="no"),
        pytest.param([("sure", "no"), ("sure", "yes")], "sure", True, id="a tick"),
        pytest.param(
            [("days", "2026-03-02"), ("days", ""), ("days", "2026-03-03")],
            "days",
            (date(2026, 3, 2), date(2026, 3, 3)),
            id="several, and a blank",
        ),
        pytest.param([("colors", "red")], "colors", frozenset({Color.RED}), id="a set"),
        pytest.param(
            [("minutes.follow-up", "30"), ("minutes.new", "")],
            "minutes",
            {"follow-up": 30},
            id="by name",
        ),
        pytest.param([("minutes.follow-up", " ")], "minutes", {}, id="by no name"),
        pytest.param(
            [("home.street", "Elm"), ("home.number", "7")],
            "home",
            Address(street="Elm", number=7),
            id="inside another",
        ),
        pytest.param(
            [("home.street", ""), ("home.number", " ")],
            "home",
            None,
            id="nothing inside",
        ),
        pytest.param([("stranger", "x")], "name", "-", id="not asked for"),
    ],
)
def test_what_is_typed_is_read_as_the_field_means_it(typed, name, value):
    assert getattr(filled(Wish, *typed), name) == value


def test_a_word_of_python_is_a_field_like_others():
    assert filled(Wish, ("from", "2026-03-02T09:00")).from_.hour == 9


@pytest.mark.parametrize(
    ("typed", "change"),
    [
        pytest.param([], Change(), id="not in the form"),
        pytest.param([("note", "")], Change(note=None), id="given up"),
        pytest.param([("count", " ")], Change(count=None), id="a number given up"),
        pytest.param([("sure", "no")], Change(sure=False), id="not ticked"),
        pytest.param([("name", "Ann")], Change(name="Ann"), id="changed"),
    ],
)
def test_a_change_leaves_alone_what_the_form_does_not_hold(typed, change):
    assert filled(Change, *typed) == change


def test_what_a_record_needs_is_not_emptied_in_silence():
    sent = form(("name", " "))

    assert sent.done(Change, lambda change: change) is None

    assert sent.problems == {"name": "must not be blank"}
    assert sent.status == 422


@pytest.mark.parametrize(
    ("typed", "problems"),
    [
        pytest.param([("count", "7.5")], {"count": "must be a whole number"}, id="7.5"),
        pytest.param(
            [("count", "\u0667")], {"count": "must be a whole number"}, id="digits"
        ),
        pytest.param(
            [("count", "9" * 30)], {"count": "must be a whole number"}, id="huge"
        ),
        pytest.param(
            [("count", "100")], {"count": "must be between 0 and 99"}, id="100"
        ),
        pytest.param(
            [("days", "2026-03-02"), ("days", "x"), ("days", "y")],
            {"days": "must be a date, as 2026-03-02"},
            id="the same of several",
        ),
        pytest.param(
            [("home.number", "7")], {"home.street": "is required"}, id="inside another"
        ),
        pytest.param(
            [("name", "x" * 21), ("at", "9")],
            {"name": "must be at most 20 characters", "at": "must be a time, as 09:00"},
            id="all at once",
        ),
        pytest.param([("name", "a\0b")], {"name": "must not contain NUL"}, id="NUL"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(typed, problems):
    sent = form(*typed)

    assert sent.done(Wish, lambda wish: wish) is None

    assert sent.problems == problems
    assert not sent.is_fine
    assert sent[typed[0][0]] == typed[0][1]


def test_two_things_wrong_with_one_field_are_both_told():
    def refuse(_: Wish) -> None:
        raise InvalidError(
            (Problem("/days/0", "is odd"), Problem("/days/1", "is even"))
        )

    sent = form()
    sent.done(Wish, refuse)

    assert sent.problems == {"days": "is odd; is even"}


def test_a_page_says_itself_what_the_form_does_not():
    sent = form(("name", "Ann"), ("count", "7"))

    wish = sent.done(Wish, lambda wish: wish, only={"count": 8, "days": ["2026-03-02"]})

    assert (wish.name, wish.count, wish.days) == ("Ann", 8, (date(2026, 3, 2),))


def test_a_page_says_itself_which_field_a_place_is():
    sent = form()

    sent.done(Wish, lambda _: None, only={"days": ["x", "y"]}, where=lambda at: at)

    assert set(sent.problems) == {"/days/0", "/days/1"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserNotFoundError(KEY), 404),
        (LastOwnerError(KEY), 409),
        (StaleVersionError(KEY), 412),
        (TooManyTriesError(7), 429),
        (WrongCredentialsError(), 401),
        (UnreadableError("Not JSON."), 400),
    ],
)
def test_a_refusal_is_told_in_the_form(error, status):
    def refuse(_: Wish) -> None:
        raise error

    sent = form()

    assert sent.done(Wish, refuse) is None
    assert sent.refusal is error
    assert sent.status == status


@pytest.mark.parametrize("error", [NotPermittedError("book"), NotSignedInError()])
def test_who_may_not_do_it_at_all_gets_another_page(error):
    def refuse(_: Wish) -> None:
        raise error

    with pytest.raises(type(error)):
        form().done(Wish, refuse)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    *("name", "note", "count", "day", "at", "from", "color", "id"),
                    *("sure", "days", "colors", "minutes", "minutes.", "minutes.x"),
                    *("home", "home.", "home.street", "home.number", "home.x"),
                ]
            ),
            st.text(max_size=25) | st.sampled_from(["7", "yes", "red", "2026-03-02"]),
        ),
        max_size=12,
    )
)
def test_whatever_is_typed_is_either_carried_out_or_told(typed):
    for cls in (Wish, Change):
        sent = form(*typed)
        wanted = sent.done(cls, lambda wish: wish)

        assert (wanted is None) is bool(sent.problems)
        assert sent.status == (422 if sent.problems else 200)


def test_a_form_tells_nobody_what_was_typed():
    assert "secret" not in repr(form(("password", "secret")))


# What stands on the page


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("day", "day", id="a field"),
        pytest.param("home.street", "home.street", id="a field inside another"),
        pytest.param("home.number", "home", id="a group without that field"),
        pytest.param("sure", None, id="a field that is not there"),
        pytest.param("", None, id="the whole form"),
    ],
)
def test_a_problem_leads_to_the_nearest_place_on_the_page(name, place):
    shown = form()
    for each in ("day", "home", "home.street"):
        assert shown.labelled(each, "A label") == "A label"

    assert shown.place_of(name) == place


def test_a_form_is_stale_if_somebody_else_was_faster():
    def refuse(_: Wish) -> None:
        raise StaleVersionError(KEY)

    sent = form()
    sent.done(Wish, refuse)

    assert sent.is_stale
    assert not form().is_stale


# What stands in a request


def sent_to(app: Flask, **data: str):
    return app.test_request_context("/x", method="POST", data=data)


@pytest.mark.parametrize(
    ("typed", "version"),
    [("3", 3), ("0", 0), ("", 0), ("x", 0), ("3.0", 0), ("+1", 0), ("9" * 19, 0)],
)
def test_a_form_says_of_which_version_it_was_made(app, typed, version):
    with sent_to(app, version=typed):
        assert forms.version() == version


def test_a_form_need_not_say_of_which_version_it_was_made(app):
    with sent_to(app):
        assert forms.version() is None


@pytest.mark.parametrize("key", ["", "x" * 256, "\u00fc", "a\nb"])
def test_a_key_that_is_none_counts_as_none(app, key):
    with sent_to(app, once=key):
        assert forms.once(str) is None


def test_each_form_gets_a_key_that_counts(app):
    keys = {forms.new_key() for _ in range(100)}

    assert len(keys) == 100
    with sent_to(app, once=min(keys)):
        assert forms.once(str).key == min(keys)


def test_a_key_is_of_one_form_as_it_was_filled_in(app):
    def fingerprint(path: str = "/x", **data: str) -> str:
        sent = {"once": "a-key", "name": "Ann", **data}
        with app.test_request_context(path, method="POST", data=sent):
            return forms.once(str).fingerprint

    assert fingerprint() == fingerprint()
    others = [fingerprint("/y"), fingerprint(name="Bob"), fingerprint(more="x")]
    assert len({fingerprint(), *others}) == 4


def test_what_stands_in_the_address_is_read_as_strictly(app):
    with app.test_request_context("/x?count=7&stranger=1"):
        assert forms.asked(Wish).count == 7
    with app.test_request_context("/x?count=many"), pytest.raises(InvalidError):
        forms.asked(Wish)
