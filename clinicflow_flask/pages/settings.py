"""The clinic's settings: what it is, how it books, and whoever looks at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from itertools import zip_longest
from typing import Final

from attrs import frozen
from babel import Locale
from flask import Response, request

from clinicflow_core import wire
from clinicflow_core.desk import accounts, policies
from clinicflow_core.desk.accounts import ChangeClinic, ChangePassword
from clinicflow_core.desk.policies import Closure
from clinicflow_core.entities.appointment import VisitCategory
from clinicflow_core.entities.clinic import Clinic, ClinicSize
from clinicflow_core.entities.policy import HolidayRegion, SchedulingPolicy
from clinicflow_core.ports import Entrance
from clinicflow_core.scheduling.closures import is_known
from clinicflow_flask.pages import browsers, forms, words
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page
from clinicflow_flask.pages.users import ROLES

_CLINIC: Final = "/settings"
_POLICY: Final = "/settings/policy"
_ACCOUNT: Final = "/settings/account"
_CLOSED: Final = "/settings/closed-days"

_DAY: Final = timedelta(days=1)
_SHOWN: Final = datetime(2026, 3, 2, 15, 5)
"""A day and a time that are written differently wherever ways of writing differ."""


@frozen
class Rule:
    """
    One number of a scheduling policy, as people are asked for it.

    Attributes:
        name: Of the field.
        label: With the unit.
        only_clinic: Whether no doctor has one of their own.
        can_be_none: Whether the clinic can do without.
    """

    name: str
    label: str
    help: str
    only_clinic: bool = False
    can_be_none: bool = False


RULES: Final = (
    Rule(
        "slot_step",
        "Minutes between the times that are offered",
        "Counted from the start of work. They must divide a day evenly, as 5, 10, 15, "
        "20, 30 and 60 do.",
    ),
    Rule(
        "buffer_before",
        "Minutes free before each visit",
        "The doctor has no other visit in them.",
    ),
    Rule(
        "buffer_after",
        "Minutes free after each visit",
        "After one visit and before the next, the longer of the two counts.",
    ),
    Rule(
        "min_notice",
        "Minutes from the booking to the visit, at least",
        "An hour is 60, a day is 1440.",
    ),
    Rule(
        "max_horizon_days",
        "Days ahead that can be booked, at most",
        "Counted from today; empty for any number.",
        can_be_none=True,
    ),
    Rule(
        "daily_limit",
        "Visits of a doctor on one day, at most",
        "Empty for any number.",
        can_be_none=True,
    ),
    Rule(
        "cancellation_cutoff",
        "Minutes before the visit from which a cancellation is late",
        "The figures count late ones. A day is 1440.",
        only_clinic=True,
    ),
    Rule(
        "offer_minutes",
        "Minutes that a free time is held for the waitlist",
        "So long one who waits may think about it, before the next one is asked.",
        only_clinic=True,
    ),
)
"""In the order in which they are asked for."""

DURATIONS: Final[Mapping[VisitCategory, str]] = {
    VisitCategory.NEW_PATIENT: "Minutes for a new patient's visit",
    VisitCategory.FOLLOW_UP: "Minutes for a follow-up",
}
"""What a visit of each category is called that nobody gave a duration."""

SIZES: Final[Mapping[ClinicSize, str]] = {
    ClinicSize.SOLO: "One",
    ClinicSize.FROM_2_TO_5: "2 to 5",
    ClinicSize.FROM_6_TO_10: "6 to 10",
    ClinicSize.MORE_THAN_10: "More than 10",
}
"""How many doctors a clinic of each size has."""


def _clinic(who: Visitor) -> Response:
    return _clinic_shown(who, Form())


def _change_clinic(who: Visitor) -> Response:
    form = forms.sent()
    changed = form.done(
        ChangeClinic,
        lambda wanted: accounts.change_clinic(wanted, who.desk(), forms.version()),
        only={"clinic_metadata": _metadata(who.me.clinic, form["locale"])},
    )
    if changed is None:
        return _clinic_shown(who, form)
    browsers.say("The clinic is as you set it.")
    return go(_CLINIC)


def _metadata(clinic: Clinic, locale: str) -> Mapping[str, object]:
    """Return what is known of *clinic*, with *locale* if there is such a one."""
    others = {n: v for n, v in clinic.clinic_metadata.items() if n != words.LOCALE}
    return others | ({words.LOCALE: locale} if locale in words.locales() else {})


def _clinic_shown(who: Visitor, form: Form) -> Response:
    return render(
        "settings.html",
        who,
        form.status,
        form=form,
        again=_CLINIC,
        sizes=[(size.value, said) for size, said in SIZES.items()],
        chosen_locale=who.me.clinic.clinic_metadata.get(words.LOCALE, ""),
        written=_ways_of_writing(),
        shown=_SHOWN,
    )


@cache
def _ways_of_writing() -> tuple[tuple[str, str], ...]:
    """Return the locales with what they are of, and how they write a day and time."""

    def example(name: str) -> str:
        locale = Locale.parse(name)
        day = words.short_date(_SHOWN.date(), locale)
        return f"{day}, {words.clock(_SHOWN.time(), locale)}"

    return tuple((n, f"{of}: {example(n)}") for n, of in words.locales().items())


def _policy(who: Visitor) -> Response:
    return _policy_shown(who, Form(), Form())


def _set_policy(who: Visitor) -> Response:
    form = forms.sent()
    closed = [day.isoformat() for day in who.me.clinic.policy.closed_days]
    kept = form.done(
        SchedulingPolicy,
        lambda wanted: policies.set_policy(wanted, who.desk(), forms.version()),
        only={"closed_days": closed},
    )
    if kept is None:
        return _policy_shown(who, form, Form())
    browsers.say("From now on visits are booked by these rules. Those booked stay.")
    return go(_POLICY)


def _close(who: Visitor) -> Response:
    form = forms.sent()
    closed = form.done(Closure, lambda wanted: _closed(wanted, who))
    return _policy_shown(who, Form(), form) if closed is None else closed


def _close_again(first: date, last: date, who: Visitor) -> Response:
    return _closed(_closure(first, last), who)


def _closed(closure: Closure, who: Visitor) -> Response:
    is_all = policies.close(closure, who.desk()) == closure.days
    undo_path = f"{_CLOSED}/{closure.first}/{closure.end}/open"
    browsers.say(
        "The clinic is closed then. Visits that were booked stay.",
        # What was closed before would be opened too.
        undo_path=undo_path if is_all else None,
    )
    return go(_POLICY)


def _open(first: date, last: date, who: Visitor) -> Response:
    policies.open_again(_closure(first, last), who.desk())
    browsers.say(
        "The clinic is open then.", undo_path=f"{_CLOSED}/{first}/{last}/close"
    )
    return go(_POLICY)


def _closure(first: date, last: date) -> Closure:
    days = {"first": first.isoformat(), "last": last.isoformat()}
    return wire.structure(days, Closure)


def _policy_shown(who: Visitor, form: Form, closing: Form) -> Response:
    policy = who.me.clinic.policy
    return render(
        "settings_policy.html",
        who,
        max(form.status, closing.status),
        form=form,
        closing=closing,
        again=_POLICY,
        policy=policy,
        rules=RULES,
        durations=DURATIONS,
        countries=countries(),
        closures=list(closures(policy.closed_days)),
    )


def closures(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Yield the first and the last of each run of *days*, which are sorted."""
    first = None
    for day, following in zip_longest(days, days[1:]):
        first = first or day
        if following is None or following - day > _DAY:
            yield first, day
            first = None


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """Return the countries whose public holidays are known, by name."""
    names = Locale("en").territories.items()
    known = [(c, n) for c, n in names if is_known(HolidayRegion(country=c))]
    return tuple(sorted(known, key=lambda each: each[1]))


def _account(who: Visitor) -> Response:
    return _account_shown(who, Form())


def _change_password(who: Visitor, entrance: Entrance) -> Response:
    form = forms.sent()

    def change(wanted: ChangePassword) -> bool:
        accounts.change_password(wanted, who.desk(), entrance, request.remote_addr)
        return True

    if not form.done(ChangePassword, change):
        return _account_shown(who, form)
    browsers.say("You have a new password, and are signed out everywhere else.")
    return go(_ACCOUNT)


def _account_shown(who: Visitor, form: Form) -> Response:
    return render(
        "settings_account.html",
        who,
        form.status,
        form=form,
        again=_ACCOUNT,
        roles=ROLES,
    )


PAGES = (
    Page("GET", _CLINIC, _clinic),
    Page("POST", _CLINIC, _change_clinic),
    Page("GET", _POLICY, _policy),
    Page("POST", _POLICY, _set_policy),
    Page("POST", _CLOSED, _close),
    Page("POST", f"{_CLOSED}/{{first}}/{{last}}/close", _close_again),
    Page("POST", f"{_CLOSED}/{{first}}/{{last}}/open", _open),
    Page("GET", _ACCOUNT, _account),
    Page("POST", _ACCOUNT, _change_password),
)
