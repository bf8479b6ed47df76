"""The accounts of a clinic: who signs in, as what, and with whose diary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from flask import Response

from clinicflow_core.accounts.permissions import PERMISSIONS, Part, Permission
from clinicflow_core.desk import doctors, users
from clinicflow_core.desk.users import AddUser, ChangeUser
from clinicflow_core.entities.ids import UserId
from clinicflow_core.entities.user import Role, UserStatus
from clinicflow_flask.pages import browsers, forms
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page
from clinicflow_flask.paging import Listing, cursor_of, page_request

_USERS: Final = "/settings/users"
_NEW: Final = f"{_USERS}/new"

"""Of how many doctors, by name, one is chosen."""

ROLES: Final[Mapping[Role, tuple[str, str]]] = {
    Role.OWNER: (
        "Owner",
        "Does everything, also with the clinic, its accounts and the trail.",
    ),
    Role.ADMIN: (
        "Reception",
        "Books visits, keeps patients, doctors and hours, sends and reviews intake.",
    ),
    Role.DOCTOR: (
        "Doctor",
        "Sees their own diary and patients, reviews intake and signs summaries.",
    ),
}
"""What each role is called, and what it is for."""


def _list(who: Visitor) -> Response:
    asked = forms.asked(Listing)
    request = page_request(asked.limit, asked.cursor, str, UUID)
    found = users.page(request, who.desk())
    return render(
        "users.html",
        who,
        users=found.items,
        following=found.next and cursor_of(found.next),
        diaries={doctor.id: doctor.name for doctor in doctors.known(who.desk())},
        roles=ROLES,
    )


def _new(who: Visitor) -> Response:
    return _new_shown(who, Form())


def _add(who: Visitor) -> Response:
    form = forms.sent()
    once = forms.once(lambda _: _USERS)
    added = form.done(
        AddUser, lambda wanted: users.add(wanted, who.desk(once)), only=_no_diary(form)
    )
    if added is None:
        return _new_shown(who, form)
    browsers.say("The account is open. Tell the password only to whom it is for.")
    return go(_USERS)


def _no_diary(form: Form) -> Mapping[str, object]:
    """Return that there is no diary, unless it is a doctor whom the form is about."""
    return {} if form["role"] == Role.DOCTOR.value else {"doctor_id": None}


def _new_shown(who: Visitor, form: Form) -> Response:
    who.must(Permission.KEEP_USERS)
    return render(
        "users_new.html",
        who,
        form.status,
        form=form,
        again=_NEW,
        doctors=doctors.known(who.desk()),
        roles=ROLES,
        permissions=_permissions(),
    )


def _user(user_id: UserId, who: Visitor) -> Response:
    return _shown(user_id, who, Form(), Form())


def _change(user_id: UserId, who: Visitor) -> Response:
    form = forms.sent()
    changed = form.done(
        ChangeUser,
        lambda wanted: users.change(user_id, wanted, who.desk(), forms.version()),
        only=_no_diary(form),
    )
    if changed is None:
        return _shown(user_id, who, form, Form())
    browsers.say("The account is changed; what it may do counts from now on.")
    return go(_USERS)


def _set_password(user_id: UserId, who: Visitor) -> Response:
    form = forms.sent()
    changed = form.done(
        ChangeUser, lambda wanted: users.change(user_id, wanted, who.desk())
    )
    if changed is None:
        return _shown(user_id, who, Form(), form)
    browsers.say("The account has the new password, and is signed out everywhere.")
    return go(_USERS)


def _close(user_id: UserId, who: Visitor) -> Response:
    form = _with_status(UserStatus.INACTIVE, user_id, who)
    if not form.is_fine:
        return _shown(user_id, who, form, Form())
    browsers.say("The account is closed.", undo_path=f"{_USERS}/{user_id}/open")
    return go(_USERS)


def _open(user_id: UserId, who: Visitor) -> Response:
    form = _with_status(UserStatus.ACTIVE, user_id, who)
    if not form.is_fine:
        return _shown(user_id, who, form, Form())
    browsers.say("The account is open again.", undo_path=f"{_USERS}/{user_id}/close")
    return go(_USERS)


def _with_status(status: UserStatus, user_id: UserId, who: Visitor) -> Form:
    wanted = ChangeUser(status=status)
    return forms.pressed(lambda: users.change(user_id, wanted, who.desk()))


def _shown(user_id: UserId, who: Visitor, form: Form, password: Form) -> Response:
    return render(
        "user.html",
        who,
        max(form.status, password.status),
        user=users.get(user_id, who.desk()),
        form=form,
        password=password,
        again=f"{_USERS}/{user_id}",
        doctors=doctors.known(who.desk()),
        roles=ROLES,
        permissions=_permissions(),
    )


def _permissions() -> Sequence[tuple[str, Sequence[Role]]]:
    """Return what can be done, in words, with the roles that may do it."""
    return [
        (each.value, [r for r in ROLES if each in PERMISSIONS[Part(r.value)]])
        for each in Permission
        if each is not Permission.FILL_INTAKE
    ]


PAGES = (
    Page("GET", _USERS, _list),
    Page("GET", _NEW, _new),
    Page("POST", _USERS, _add),
    Page("GET", f"{_USERS}/{{user_id}}", _user),
    Page("POST", f"{_USERS}/{{user_id}}", _change),
    Page("POST", f"{_USERS}/{{user_id}}/password", _set_password),
    Page("POST", f"{_USERS}/{{user_id}}/close", _close),
    Page("POST", f"{_USERS}/{{user_id}}/open", _open),
)
