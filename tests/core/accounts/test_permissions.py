from __future__ import annotations

from uuid import uuid4

import pytest

from clinicflow_core.accounts.permissions import (
    PERMISSIONS,
    Actor,
    Part,
    Permission,
    actor_of,
    system,
    with_link,
)
from clinicflow_core.entities.ids import ClinicId, DoctorId, SessionId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotPermittedError
from tests.builders import user

# Owner, admin, doctor, patient-link, system. Written out once more on purpose.
MATRIX = {
    Permission.SEE_CLINIC: (True, True, True, False, True),
    Permission.SEE_DIARY: (True, True, False, False, True),
    Permission.SEE_OWN_DIARY: (False, False, True, False, True),
    Permission.BOOK: (True, True, False, False, True),
    Permission.OVERRIDE: (True, True, False, False, True),
    Permission.RECORD_VISITS: (True, True, True, False, True),
    Permission.SEE_PATIENTS: (True, True, False, False, True),
    Permission.SEE_OWN_PATIENTS: (False, False, True, False, True),
    Permission.KEEP_PATIENTS: (True, True, False, False, True),
    Permission.ERASE_PATIENTS: (True, False, False, False, True),
    Permission.FILL_INTAKE: (False, False, False, True, True),
    Permission.KEEP_QUESTIONNAIRES: (True, True, False, False, True),
    Permission.SEND_INTAKE: (True, True, False, False, True),
    Permission.SEE_INTAKE: (True, True, False, False, True),
    Permission.SEE_OWN_INTAKE: (False, False, True, False, True),
    Permission.REVIEW_INTAKE: (True, True, True, False, True),
    Permission.SIGN_SUMMARIES: (True, False, True, False, True),
    Permission.KEEP_DOCTORS: (True, True, False, False, True),
    Permission.SEE_USERS: (True, True, False, False, True),
    Permission.KEEP_USERS: (True, False, False, False, True),
    Permission.KEEP_CLINIC: (True, False, False, False, True),
    Permission.IMPORT: (True, True, False, False, True),
    Permission.AUDIT: (True, False, False, False, True),
    Permission.KEEP_JOBS: (True, False, False, False, True),
}
PARTS = (Part.OWNER, Part.ADMIN, Part.DOCTOR, Part.PATIENT_LINK, Part.SYSTEM)


def somebody(role):
    return user(ClinicId(uuid4()), role=role)


@pytest.mark.parametrize(
    ("part", "permission"),
    [
        pytest.param(part, permission, id=f"{part.value}, {permission.value}")
        for part in Part
        for permission in Permission
    ],
)
def test_each_part_may_do_its_own_things(part, permission):
    actor = Actor(name="somebody", permissions=PERMISSIONS[part])

    if MATRIX[permission][PARTS.index(part)]:
        assert actor.may(permission)
        actor.must(permission)
    else:
        assert not actor.may(permission)
        with pytest.raises(NotPermittedError) as refusal:
            actor.must(permission)
        assert refusal.value.permission == permission.value


def test_every_part_and_permission_is_in_the_table():
    assert set(PERMISSIONS) == set(Part) == set(PARTS)
    assert set(MATRIX) == set(Permission)


def test_a_program_may_do_everything_and_is_nobody():
    actor = system("import")

    assert actor.permissions == frozenset(Permission)
    assert (actor.name, actor.user_id, actor.session_id) == ("import", None, None)


def test_whoever_has_a_link_fills_in_a_form_and_is_nobody():
    actor = with_link()

    assert actor.permissions == {Permission.FILL_INTAKE}
    assert (actor.name, actor.user_id) == ("patient-link", None)


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
