from __future__ import annotations

from uuid import uuid4

import pytest

from clinicflow_core.accounts.permissions import (
    PERMISSIONS,
    Permission,
    actor_of,
    system,
)
from clinicflow_core.entities.ids import ClinicId, DoctorId, SessionId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotPermittedError
from tests.builders import user

# Owner, admin, doctor. Written out once more on purpose.
MATRIX = {
    Permission.SEE_DIARY: (True, True, True),
    Permission.BOOK: (True, True, False),
    Permission.OVERRIDE: (True, True, False),
    Permission.RECORD_VISITS: (True, True, True),
    Permission.SEE_PATIENTS: (True, True, True),
    Permission.KEEP_PATIENTS: (True, True, False),
    Permission.ERASE_PATIENTS: (True, False, False),
    Permission.KEEP_DOCTORS: (True, True, False),
    Permission.KEEP_USERS: (True, True, False),
    Permission.KEEP_CLINIC: (True, False, False),
    Permission.IMPORT: (True, True, False),
}
ROLES = (Role.OWNER, Role.ADMIN, Role.DOCTOR)


def somebody(role):
    return user(ClinicId(uuid4()), role=role)


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        pytest.param(role, permission, id=f"{role.value}, {permission.value}")
        for role in Role
        for permission in Permission
    ],
)
def test_each_role_may_do_its_own_things(role, permission):
    actor = actor_of(somebody(role), SessionId(uuid4()))

    if MATRIX[permission][ROLES.index(role)]:
        assert actor.may(permission)
        actor.must(permission)
    else:
        assert not actor.may(permission)
        with pytest.raises(NotPermittedError) as refusal:
            actor.must(permission)
        assert refusal.value.permission == permission.value


def test_every_role_and_permission_is_in_the_table():
    assert set(PERMISSIONS) == set(Role) == set(ROLES)
    assert set(MATRIX) == set(Permission)


def test_a_program_may_do_everything_and_is_nobody():
    actor = system("import")

    assert actor.permissions == frozenset(Permission)
    assert (actor.name, actor.user_id, actor.session_id) == ("import", None, None)


def test_whoever_signed_in_acts_with_account_and_diary():
    session_id = SessionId(uuid4())
    chen = user(ClinicId(uuid4()), role=Role.DOCTOR, doctor_id=DoctorId(uuid4()))

    actor = actor_of(chen, session_id)

    assert (actor.name, actor.user_id, actor.doctor_id, actor.session_id) == (
        "user",
        chen.id,
        chen.doctor_id,
        session_id,
    )
