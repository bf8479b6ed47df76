from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import accounts
from clinicflow_core.desk.accounts import Credentials
from clinicflow_core.entities.user import UserStatus
from clinicflow_core.errors import WrongCredentialsError
from tests.builders import NOW, PASSWORD


@pytest.fixture
def statements(clinic, caplog):
    """Return what the database is asked while a try to sign in is refused."""
    caplog.set_level(logging.DEBUG, "clinicflow_core.sql")

    def asked(email):
        caplog.clear()
        credentials = Credentials(email=email, password="not the password")
        with pytest.raises(WrongCredentialsError) as refusal:
            accounts.sign_in(credentials, clinic.store.entrance(), "192.0.2.1")
        return caplog.messages, str(refusal.value), refusal.value.args

    return asked


@pytest.mark.slow
def test_the_database_is_asked_the_same_whoever_tries(clinic, statements):
    owner = clinic.owner
    closed = evolve(owner, id=uuid4(), email=f"{uuid4()}@example.org")
    closed = evolve(closed, status=UserStatus.INACTIVE)
    google = evolve(owner, id=uuid4(), email=f"{uuid4()}@example.org")
    google = evolve(google, password_hash=None, google_id=f"google-{uuid4()}")
    clinic.commit(lambda uow: uow.users.add(closed), lambda uow: uow.users.add(google))

    known = statements(owner.email)

    assert any("users" in statement for statement in known[0])
    assert PASSWORD not in str(known)
    assert NOW.isoformat() not in str(known)
    for email in (f"{uuid4()}@example.org", closed.email, google.email):
        assert statements(email) == known
