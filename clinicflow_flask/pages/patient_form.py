"""
The patient's page: an intake form filled in by whoever has its link, on a phone.

A few questions stand on each page, and each page is kept as soon as it is left. What
was filled in before lives on the server alone. Whoever comes back in another browser,
or much later, gives the birth date first: the cookie says only which edition of which
draft was told in this browser, and no answer is ever in it or in an address.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from attrs import frozen
from flask import Response, abort, session

from clinicflow_core.desk import patient_link
from clinicflow_core.desk.patient_link import (
    Filling,
    GivenAnswers,
    GivenPart,
    OpenDraft,
    SendDraft,
)
from clinicflow_core.errors import ClinicFlowError, LinkNotFoundError, Problem
from clinicflow_core.intake.answers import asked_with
from clinicflow_core.intake.links import hash_of
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.ports import Store
from clinicflow_flask.pages import asking, forms
from clinicflow_flask.pages.asking import Answers, Field, Step
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page

OPEN_SECONDS: Final = 2 * 60 * 60
"""After so long without a word, the birth date is asked for again."""

MOST_OPEN: Final = 5
"""So many drafts can be open in one browser; the oldest gives way."""

_DRAFTS: Final = "drafts"
_BIRTH_DATE: Final = "birth_date"
_UTC: Final = ZoneInfo("UTC")


def _dead(_: ClinicFlowError) -> Response:
    """Answer all links alike that do not work."""
    return render("patient_form_dead.html", status=404)


@frozen(kw_only=True)
class _Here:
    """A form in this browser, with its steps."""

    token: str
    filling: Filling
    steps: tuple[Step, ...]

    @property
    def shown(self) -> list[Step]:
        asked = self.asked_with(self.filling.answers or {})
        return asking.shown_steps(self.steps, asked)

    @property
    def path(self) -> str:
        return f"/i/{self.token}"

    def asked_with(self, answers: Answers) -> frozenset[str]:
        definition = self.filling.questionnaire
        if definition is None:
            return frozenset(["/" + asking.FREE])
        return asked_with(definition, answers)

    def fields(
        self, step: Step, answers: Answers, problems: Sequence[Problem] = ()
    ) -> tuple[Field, ...]:
        definition = self.filling.questionnaire
        totals = definition.totals if definition else ()
        return asking.fields_of(step, answers, self.asked_with, problems, totals)

    def step(self, number: str) -> Step:
        found = (step for step in self.steps if str(step.number) == number)
        return next(found, None) or abort(404)

    def path_to(self, step: Step) -> str:
        return f"{self.path}/part/{step.number}"

    def before(self, step: Step) -> str:
        earlier = [each for each in self.shown if each.number < step.number]
        return self.path_to(earlier[-1]) if earlier else self.path

    def after(self, step: Step) -> str:
        later = (each for each in self.shown if each.number > step.number)
        following = next(later, None)
        return self.path_to(following) if following else f"{self.path}/review"


def _here(token: str, store: Store) -> _Here:
    edition = _edition(token)
    filling = patient_link.resume(token, edition, store)
    if edition is not None and filling.answers is not None:
        _remember(token, filling.edition)
    return _Here(
        token=token, filling=filling, steps=asking.steps_of(filling.questionnaire)
    )


def _edition(token: str) -> int | None:
    """Return the edition of the draft that was last told in this browser."""
    fresh = time.time() - OPEN_SECONDS
    found = (
        edition
        for key, edition, seen in session.get(_DRAFTS, ())
        if key == _key(token) and seen > fresh
    )
    return next(found, None)


def _remember(token: str, edition: int) -> None:
    _forget(token)
    newest = session[_DRAFTS][-(MOST_OPEN - 1) :]
    session[_DRAFTS] = [*newest, (_key(token), edition, int(time.time()))]


def _forget(token: str) -> None:
    known = session.get(_DRAFTS, ())
    session[_DRAFTS] = [each for each in known if each[0] != _key(token)]


def _key(token: str) -> str:
    return hash_of(token)[:16]


def _start(token: str, store: Store) -> Response:
    return _started(_here(token, store), Form())


def _started(here: _Here, form: Form) -> Response:
    return render(
        "patient_form.html",
        status=form.status,
        form=form,
        here=here,
        following=_way_on(here),
        utc=_UTC,
        birth=_birth_field(form),
    )


def _way_on(here: _Here) -> str:
    """Return where something is still to be done."""
    if not here.filling.answers:
        return here.path_to(here.shown[0])
    answers, missing = here.filling.answers, here.filling.missing
    # A part without an answer was not seen, even if none is needed.
    waiting = (
        step
        for step in here.shown
        if not any(link_id in answers for link_id in step.link_ids)
        or any(step.has(problem.pointer) for problem in missing)
    )
    following = next(waiting, None)
    return here.path_to(following) if following else f"{here.path}/review"


def _open(token: str, store: Store) -> Response:
    form = forms.sent()
    if _is_opened(token, form, store):
        return go(_way_on(_here(token, store)))
    return _started(_here(token, store), form)


def _is_opened(token: str, form: Form, store: Store) -> bool:
    """Return whether the birth date that was typed opens the draft."""
    draft = form.done(
        OpenDraft,
        lambda wanted: patient_link.open_draft(token, wanted, store),
        only={_BIRTH_DATE: asking.date_typed(form.typed, _BIRTH_DATE)},
    )
    if draft is None:
        _refuse_dead(form)
        return False
    _remember(token, draft.edition)
    return True


def _refuse_dead(form: Form) -> None:
    if isinstance(form.refusal, LinkNotFoundError):
        raise form.refusal


def _start_anew(token: str, store: Store) -> Response:
    saved = patient_link.save_draft(token, GivenAnswers(answers={}), store)
    _remember(token, saved.edition)
    return go(_way_on(_here(token, store)))


def _leave(token: str, store: Store) -> Response:
    patient_link.questions(token, store)  # Nothing is said about a link that is none.
    _forget(token)
    return go(f"/i/{token}")


def _show_step(token: str, number: str, store: Store) -> Response:
    here = _here(token, store)
    step = here.step(number)
    if here.filling.answers is None:
        return go(here.path)
    return _step_page(here, step, Form(), here.filling.answers, ())


def _step_page(
    here: _Here,
    step: Step,
    form: Form,
    answers: Answers,
    problems: Sequence[Problem],
    *,
    saved: bool = False,
) -> Response:
    fields = here.fields(step, answers, problems)
    shown = [each.number for each in here.shown]
    return render(
        "patient_form_part.html",
        status=422 if problems and not saved else form.status,
        form=form,
        here=here,
        step=step,
        fields=fields,
        problems=problems,
        first_wrong=asking.first_wrong(fields),
        every_field=list(asking.every_field(fields)),
        position=shown.index(step.number) + 1 if step.number in shown else 1,
        count=len(shown),
        back=here.before(step),
        saved=saved,
    )


def _answer_step(token: str, number: str, store: Store) -> Response:
    form = forms.sent()
    here = _here(token, store)
    step = here.step(number)
    if here.filling.answers is None:
        if not _is_opened(token, form, store):
            return _ask_birth_date(here, form)
        here = _here(token, store)
    answers, untold = asking.read_step(step, form.typed)
    after = form.done(
        GivenPart,
        lambda part: patient_link.fill_in(token, part, _edition(token), store),
        only={"questions": sorted(step.link_ids), "answers": answers},
    )
    _refuse_dead(form)
    if after is None:
        return _step_page(here, step, form, here.filling.answers or {}, ())
    if after.answers is None:
        return go(here.path)
    _remember(token, after.edition)
    kept = _Here(token=token, filling=after, steps=here.steps)
    wrong = (*untold, *after.wrong)
    return _went_on(kept, step, form, {**after.answers, **answers}, wrong)


def _went_on(
    here: _Here,
    step: Step,
    form: Form,
    typed: dict[str, Any],
    wrong: Sequence[Problem],
) -> Response:
    """Return the page that comes after *step*, which may be the same again."""
    act, _, where = form["do"].partition(" ")
    match act:
        case "save":
            return _step_page(here, step, form, typed, wrong, saved=True)
        case "back":
            return go(here.before(step))
        case "add" | "remove":
            return go(f"{here.path_to(step)}#{_id_of(here, step, where)}")
        case "leave":
            _forget(here.token)
            return go(here.path)
    came_up = _came_up(here, step, form)
    known = {problem.pointer for problem in wrong} | {each.pointer for each in came_up}
    missing = (p for p in here.filling.missing if step.has(p.pointer))
    if problems := (*wrong, *(p for p in missing if p.pointer not in known)):
        return _step_page(here, step, form, typed, problems)
    if came_up:
        return go(f"{here.path_to(step)}#{came_up[0].id}")
    return go(here.after(step))


def _id_of(here: _Here, step: Step, pointer: str) -> str:
    fields = here.fields(step, here.filling.answers or {})
    found = [f for f in asking.every_field(fields) if pointer.startswith(f.pointer)]
    return found[-1].id if found else ""


def _came_up(here: _Here, step: Step, form: Form) -> list[Field]:
    """Return the questions that nobody could see before these answers."""
    seen = form.all("seen")
    fields = here.fields(step, here.filling.answers or {})
    return [
        each
        for each in asking.every_field(fields)
        if each.can_be_answered and each.pointer not in seen
    ]


def _ask_birth_date(here: _Here, form: Form) -> Response:
    """Ask for the birth date first; what was typed into the step waits for it."""
    waiting = [
        (name, value)
        for name, value in form.typed.items(multi=True)
        if name != "form" and not name.startswith(_BIRTH_DATE)
    ]
    is_first = not any(name.startswith(_BIRTH_DATE) for name in form.typed)
    return render(
        "patient_form_open.html",
        status=200 if is_first else form.status,
        form=Form() if is_first else form,
        here=here,
        waiting=waiting,
        birth=_birth_field(form),
    )


def _birth_field(form: Form) -> Field:
    return asking.date_field(
        _BIRTH_DATE,
        "Your date of birth",
        asking.date_typed(form.typed, _BIRTH_DATE),
        form.problems.get(_BIRTH_DATE),
    )


def _review(token: str, store: Store) -> Response:
    return _reviewed(_here(token, store), Form())


def _reviewed(here: _Here, form: Form, *, has_changed: bool = False) -> Response:
    answers = here.filling.answers
    if answers is None:
        return go(here.path)
    statements = statements_of(here.filling.questionnaire, answers)
    missing = here.filling.missing
    return render(
        "patient_form_review.html",
        status=409 if has_changed else form.status,
        form=form,
        here=here,
        parts=[
            (
                step,
                asking.told(step, statements),
                [p for p in missing if step.has(p.pointer)],
            )
            for step in here.shown
        ],
        has_changed=has_changed,
        sent_too_early=bool(form.problems),
    )


def _send(token: str, store: Store) -> Response:
    form = forms.sent()
    receipt = form.done(
        SendDraft,
        lambda wanted: patient_link.submit_draft(token, wanted, _edition(token), store),
    )
    _refuse_dead(form)
    if receipt is None:
        return _reviewed(_here(token, store), form, has_changed=form.is_fine)
    _forget(token)
    return go("/i/thanks")


def _thanks() -> Response:
    return render("patient_form_thanks.html")


_page = partial(Page, told={LinkNotFoundError: _dead})

PAGES = (
    Page("GET", "/i/thanks", _thanks),
    _page("GET", "/i/{token}", _start),
    _page("POST", "/i/{token}", _open),
    _page("POST", "/i/{token}/anew", _start_anew),
    _page("POST", "/i/{token}/leave", _leave),
    _page("GET", "/i/{token}/part/{number}", _show_step),
    _page("POST", "/i/{token}/part/{number}", _answer_step),
    _page("GET", "/i/{token}/review", _review),
    _page("POST", "/i/{token}/review", _send),
)
