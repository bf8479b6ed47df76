from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from clinicflow_core.entities.ids import ClinicId, DoctorId
from clinicflow_core.entities.patient import search_words
from clinicflow_core.entities.user import Role
from tests.builders import NOW, clinic, patient, user

CLINIC = ClinicId(clinic().id)
LATER = NOW + timedelta(hours=1)


def found(query, person):
    return all(word in person.search_text for word in search_words(query))


ANN = patient(
    "Ann-Sofie Müller",
    email="Ann.M@Example.org",
    phone="+1 (212) 555-0147",
    date_of_birth=date(1980, 12, 31),
)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "  ",
        "ann",
        "MÜLLER",
        "muller",
        "müller ann",
        "Müller, Ann-Sofie",
        "sofie mul",
        "ann.m@example",
        "5550147",
        "555-0147",
        "(212)",
        "+1(212)555",
        "1980-12-31",
        "1980",
    ],
)
def test_a_patient_is_found_by_parts_of_what_is_known(query):
    assert found(query, ANN)


@pytest.mark.parametrize("query", ["anna", "ann smith", "555-0148", "1980-12-30"])
def test_a_patient_is_not_found_by_what_is_wrong(query):
    assert not found(query, ANN)


def test_a_patient_of_whom_little_is_known_is_found_by_name():
    assert found("lee", patient("Ann Lee"))
    assert not found("555", patient("Ann Lee"))


def test_a_full_name_is_first_then_last():
    assert patient("Ann Lee").full_name == "Ann Lee"


def test_patients_are_listed_by_last_name():
    ann, bea = patient("Ann Young"), patient("Bea Adams")

    assert sorted([ann, bea], key=lambda person: person.sort_key) == [bea, ann]


def test_a_changed_patient_has_the_next_version():
    before = patient("Ann Lee")

    after = before.changed({"phone": "1"}, LATER)

    assert after == evolve(before, phone="1", version=2, updated_at=LATER)


def test_an_account_needs_a_way_to_sign_in():
    with pytest.raises(ValueError, match="password or a Google sign-in"):
        user(CLINIC, password_hash=None)

    assert user(CLINIC, password_hash=None, google_id="g").google_id == "g"


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_only_a_doctor_has_a_diary_of_their_own(role):
    own = DoctorId(CLINIC)

    with pytest.raises(ValueError, match="only the doctor role"):
        user(CLINIC, role=role, doctor_id=own)

    assert user(CLINIC, role=Role.DOCTOR, doctor_id=own).doctor_id == own


def test_a_changed_account_has_the_next_version():
    before = user(CLINIC, name="Olive")

    after = before.changed({"name": "Zoe"}, LATER)

    assert after == evolve(before, name="Zoe", version=2, updated_at=LATER)
    assert before.sort_key < after.sort_key


def test_a_changed_clinic_has_the_next_version_and_zone():
    before = clinic()

    after = before.changed({"timezone": "Europe/Vienna"}, LATER)

    assert (after.version, after.updated_at) == (2, LATER)
    assert after.zone == ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("timezone", "day"),
    [("America/New_York", 1), ("Europe/Lisbon", 2), ("Asia/Tokyo", 2)],
)
def test_today_is_the_day_that_the_clinics_clocks_show(timezone, day):
    now = datetime(2026, 3, 2, 4, 59, tzinfo=UTC)

    assert clinic(timezone=timezone).today(now) == date(2026, 3, day)


def test_what_is_said_of_people_in_a_log_is_not_private():
    people = [
        patient("MARKER MARKER", email="MARKER", phone="MARKER"),
        user(CLINIC, "MARKER", name="MARKER", password_hash="MARKER"),
    ]

    assert "MARKER" not in repr(people)
    assert "1980" not in repr(ANN)
