"""Pages from templates, and the ways from one to the next."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import partial
from typing import Any, Final

from flask import Response, make_response, render_template, request

from clinicflow_flask.pages import browsers, forms, words
from clinicflow_flask.pages.browsers import Visitor

HOME: Final = "/day"


def render(
    template: str, who: Visitor | None = None, status: int = 200, **values: Any
) -> Response:
    """
    Return a page.

    Args:
        template: Its file in `templates`.
        who: Whoever is signed in; None on a page for anybody.
        values: What the template needs besides, by name. With every page come *who*,
            *me*, *locale*, *zone* and `words.WRITERS` for this locale.
    """
    locale = (
        words.locale_for([name for name, _ in request.accept_languages])
        if who is None
        else words.locale_of(who.me.clinic)
    )
    context = {
        "who": who,
        "me": who and who.me,
        "locale": locale,
        "zone": who and who.me.clinic.zone,
        "is_part": is_part(),
        "form_token": browsers.form_token,
        "new_key": forms.new_key,
        "said": browsers.said,
        "zones": words.zones(),
        "options": _options,
        "values_of": _values_of,
        **{
            name: partial(write, locale=locale) for name, write in words.WRITERS.items()
        },
        **values,
    }
    form = values.get("form")
    headers = form.headers if isinstance(form, forms.Form) else {}
    return make_response(render_template(template, **context), status, headers)


def _options(records: Iterable[Any]) -> list[tuple[str, str]]:
    """Return *records* that have a name as the options of a choice."""
    return [(str(record.id), record.name) for record in records]


def _values_of(kinds: Iterable[Enum]) -> list[tuple[str, str]]:
    return [(kind.value, words.plain(kind.value)) for kind in kinds]


def is_part() -> bool:
    """Return whether the page is asked for to be put into another one."""
    return request.headers.get("HX-Request") == "true"


def go(path: str) -> Response:
    """Send the browser to another page of ours."""
    return Response(status=303, headers={"Location": path})


def own_path(path: str | None) -> str:
    """Return *path* if it is a page of ours, else where everybody begins."""
    if not path or not path.startswith("/") or len(path) > 500:
        return HOME
    # "//elsewhere" and "/\\elsewhere" name another host.
    is_ours = path[1:2] not in ("/", "\\") and path.isascii() and path.isprintable()
    return path if is_ours else HOME
