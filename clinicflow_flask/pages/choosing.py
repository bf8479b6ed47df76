"""
Choosing a patient in a form: found as one types, or by a button without a script.

A template puts `choose_patient` of `parts.html` into its form. It sends the words that
are looked for as `WORDS`, and whoever is chosen as `patient_id`; whatever it sends
besides has been typed, and waits until somebody new is registered.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from attrs import evolve, field, frozen
from flask import Response, request

from clinicflow_core.checks import text
from clinicflow_core.desk import register
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.ports import PageRequest
from clinicflow_flask.pages import forms
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, is_part, own_path, render
from clinicflow_flask.pages.table import Page

WORDS: Final = "q"
"""The field with what is looked for."""

LOOK_UP: Final = "look_up"
"""The button that looks somebody up, and does nothing else."""

MOST: Final = 8
"""How many are shown; whoever sees more does not read them but types on."""

_CHOSEN: Final = "patient_id"
_words = text(200, 0)


@frozen
class Choice:
    """
    Who can be chosen.

    Attributes:
        words: What is looked for; nobody is if it is empty.
        found: Who was found by it, by name, at most `MOST`.
        has_more: Whether there are more of them.
        chosen_id: Who is chosen so far.
        chosen_name: Their name, if they are not among the *found*.
    """

    words: str = field(default="", repr=False)
    found: tuple[Patient, ...] = ()
    has_more: bool = False
    chosen_id: PatientId | None = None
    chosen_name: str | None = field(default=None, repr=False)


def is_only_looking(form: Form) -> bool:
    """Return whether *form* was sent to look a patient up, and for nothing else."""
    return bool(form[LOOK_UP]) or bool(form[WORDS].strip() and not form[_CHOSEN])


def choice(who: Visitor, form: Form, patient_id: PatientId | None = None) -> Choice:
    """
    Return who can be chosen in *form*, in at most two acts.

    Args:
        patient_id: Who is chosen until somebody else is.
    """
    words = form[WORDS].strip()
    if complaint := _words.complaint(words):
        form.problems.setdefault(_CHOSEN, complaint)
        words = ""
    return _choice(who, words, _id(form[_CHOSEN]) or patient_id)


def going_on(path: str, typed: Collection[tuple[str, str]]) -> str:
    """
    Return *path* with what was *typed*, as pairs of name and value, in its query.

    What is empty is left out, and so is the longest while `own_path` takes no path of
    that length.
    """
    parts = urlsplit(own_path(path))
    names = {name for name, _ in typed}
    before = [each for each in parse_qsl(parts.query) if each[0] not in names]
    kept = sorted((each for each in (*before, *typed) if each[1]), key=_length)
    while True:
        whole = parts._replace(query=urlencode(kept)).geturl()
        if not kept or own_path(whole) == whole:
            return whole
        kept.pop()


def _length(typed: tuple[str, str]) -> int:
    return len(typed[1])


@frozen(kw_only=True)
class _Asked:
    q: str = field(default="", repr=False, validator=_words)
    patient_id: PatientId | None = None
    next: str = ""


def _found(who: Visitor) -> Response:
    asked = forms.asked(_Asked)
    if not is_part():
        return go(f"/patients?{urlencode({WORDS: asked.q})}")
    found = _choice(who, asked.q.strip(), asked.patient_id)
    known = {WORDS, _CHOSEN, "next"}
    typed = [each for each in request.args.items(multi=True) if each[0] not in known]
    following = going_on(asked.next, typed) if asked.next else ""
    return render("patients_found.html", who, choice=found, following=following)


def _choice(who: Visitor, words: str, chosen_id: PatientId | None) -> Choice:
    known = Choice(words, chosen_id=chosen_id)
    if words:
        page = register.find(words, PageRequest(limit=MOST), who.desk())
        known = evolve(known, found=page.items, has_more=page.next is not None)
    if chosen_id is None or any(each.id == chosen_id for each in known.found):
        return known
    names = register.names([chosen_id], who.desk())
    return evolve(known, chosen_name=names.get(chosen_id))


def _id(typed: str) -> PatientId | None:
    try:
        return PatientId(UUID(typed))
    except ValueError:
        return None


PAGES = (Page("GET", "/patients/choose", _found),)
