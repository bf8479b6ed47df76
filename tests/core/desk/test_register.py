from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import booking, register
from clinicflow_core.desk.booking import CancelAppointment
from clinicflow_core.desk.register import ChangePatient, RegisterPatient
from clinicflow_core.entities.appointment import CancellationType, Status
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    InvalidError,
    NotPermittedError,
    PatientHasVisitsError,
    PatientNotFoundError,
    Problem,
)
from clinicflow_core.ports import PageRequest
from tests.builders import open_clinic, patient

ANN = RegisterPatient(
    first_name="Ann",
    last_name="Müller",
    email="ann@example.org",
    phone="(212) 555-0147",
    date_of_birth=date(1980, 12, 31),
)


def names(query, clinic, **page):
    found = register.find(query, PageRequest(**page), clinic.uow)
    return [person.full_name for person in found.items]


def happened(record_id, clinic):
    with clinic.uow as uow:
        return uow.events.of(record_id)


def test_a_registered_patient_is_kept(clinic):
    ann = register.register(ANN, clinic.uow)

    assert ann == patient(
        "Ann Müller",
        id=ann.id,
        email="ann@example.org",
        phone="(212) 555-0147",
        date_of_birth=date(1980, 12, 31),
    )
    assert register.get(ann.id, clinic.uow) == ann


def test_a_name_is_enough_to_register(clinic):
    ann = register.register(
        RegisterPatient(first_name="Ann", last_name="Lee"), clinic.uow
    )

    assert (ann.email, ann.phone, ann.date_of_birth) == (None, None, None)


def test_the_trail_says_what_changed_but_not_to_what(clinic, watch):
    ann = register.register(ANN, clinic.uow)
    watch.at = datetime(2026, 3, 3, tzinfo=UTC)

    changed = register.change(
        ann.id, ChangePatient(last_name="Vale", phone=None), clinic.uow
    )

    assert changed == evolve(
        ann, last_name="Vale", phone=None, version=2, updated_at=watch.at
    )
    assert register.get(ann.id, clinic.uow) == changed
    events = happened(ann.id, clinic)
    assert [(event.kind, event.facts) for event in events] == [
        ("patient.registered", {}),
        ("patient.changed", {"fields": ["last_name", "phone"]}),
        ("patient.read", {}),
    ]


@pytest.mark.parametrize(
    ("birth", "detail"),
    [
        pytest.param(date(2026, 3, 1), None, id="today"),
        pytest.param(date(2026, 3, 2), "must not be in the future", id="tomorrow"),
        pytest.param(date(1850, 1, 1), None, id="long ago"),
        pytest.param(date(1849, 12, 31), "must not be before 1850", id="too long ago"),
    ],
)
def test_nobody_is_born_tomorrow_or_before_1850(clinic, birth, detail):
    before = register.register(ANN, clinic.uow)
    acts = [
        lambda: register.register(evolve(ANN, date_of_birth=birth), clinic.uow),
        lambda: register.change(
            before.id, ChangePatient(date_of_birth=birth), clinic.uow
        ),
    ]

    for act in acts:
        if detail is None:
            assert act().date_of_birth == birth
        else:
            with pytest.raises(InvalidError) as refusal:
                act()
            assert refusal.value.problems == (Problem("/date_of_birth", detail),)
            assert register.get(before.id, clinic.uow) == before


def test_today_is_the_clinics_today(memory, watch):
    watch.at = datetime(2026, 3, 2, 3, tzinfo=UTC)  # Still the first in New York.
    clinic = open_clinic(memory)

    with pytest.raises(InvalidError):
        register.register(evolve(ANN, date_of_birth=date(2026, 3, 2)), clinic.uow)


def test_a_birth_date_can_be_taken_back(clinic):
    ann = register.register(ANN, clinic.uow)

    changed = register.change(ann.id, ChangePatient(date_of_birth=None), clinic.uow)

    assert changed.date_of_birth is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Ann Müller", "Pat Nr001", "Pat Nr002"]),
        ("muller", ["Ann Müller"]),
        ("MÜLLER ann", ["Ann Müller"]),
        ("555-0147", ["Ann Müller"]),
        ("1980-12-31", ["Ann Müller"]),
        ("ann@example", ["Ann Müller"]),
        ("pat", ["Pat Nr001", "Pat Nr002"]),
        ("pat ann", []),
        ("%", []),
        ("_", []),
    ],
)
def test_patients_are_found_by_all_words(clinic, query, found):
    register.register(ANN, clinic.uow)

    assert names(query, clinic) == found


def test_a_long_list_comes_in_parts(clinic):
    first = register.find("", PageRequest(limit=1), clinic.uow)
    rest = register.find("", PageRequest(after=first.next, limit=5), clinic.uow)

    assert first.items + rest.items == clinic.patients
    assert rest.next is None


def test_another_clinics_patients_are_not_there(clinic):
    other = open_clinic(clinic.store, name="Other", patients=1)
    acts = [
        register.get,
        register.remove,
        lambda key, uow: register.change(key, ChangePatient(phone="1"), uow),
    ]

    for key in (PatientId(uuid4()), other.patient.id):
        for act in acts:
            with pytest.raises(PatientNotFoundError):
                act(key, clinic.uow)
    assert register.get(other.patient.id, other.uow) == other.patient


def test_who_never_had_a_visit_can_be_removed(clinic):
    ann = register.register(ANN, clinic.uow)

    register.remove(ann.id, clinic.uow)

    with pytest.raises(PatientNotFoundError):
        register.get(ann.id, clinic.uow)
    assert happened(ann.id, clinic)[-1].kind == "patient.removed"


def test_who_had_a_visit_stays_even_if_it_was_cancelled(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.cancel(
        visit.id,
        CancelAppointment(cancellation_type=CancellationType.OTHER),
        clinic.uow,
    )

    with pytest.raises(PatientHasVisitsError) as refusal:
        register.remove(clinic.patient.id, clinic.uow)

    assert refusal.value.appointment_ids == (visit.id,)
    assert register.get(clinic.patient.id, clinic.uow) == clinic.patient


def test_a_doctor_sees_patients_and_changes_none(memory):
    clinic = open_clinic(memory)
    uow = clinic.by(Role.DOCTOR)
    acts = [
        lambda: register.register(ANN, uow),
        lambda: register.change(clinic.patient.id, ChangePatient(phone="1"), uow),
        lambda: register.remove(clinic.patient.id, uow),
    ]

    for act in acts:
        with pytest.raises(NotPermittedError, match="register and change patients"):
            act()


def test_a_doctor_sees_only_who_has_a_visit_of_theirs(clinic):
    theirs, stranger = clinic.patient, clinic.add_patient("Cy Young")
    clinic.store_visit(status=Status.CANCELLED)
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    clinic.store_visit("11:00-11:30", doctor_id=colleague.id, patient_id=stranger.id)
    uow = clinic.by(Role.DOCTOR)

    assert register.get(theirs.id, uow) == theirs
    assert register.find("", PageRequest(), uow).items == (theirs,)
    assert register.find("young", PageRequest(), uow).items == ()
    with pytest.raises(NotPermittedError, match="see patients"):
        register.get(stranger.id, uow)


def test_reading_a_patients_record_leaves_a_trace(clinic):
    register.get(clinic.patient.id, clinic.uow)

    with clinic.uow as uow:
        event = uow.events.of(clinic.patient.id)[-1]

    assert (event.kind, event.user_id) == ("patient.read", clinic.owner.id)
    assert event.facts == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_name": ""},
        {"first_name": " "},
        {"first_name": "x" * 101},
        {"last_name": "a\nb"},
        {"email": "nobody"},
        {"phone": "1" * 21},
    ],
)
def test_details_must_make_sense(wrong):
    with pytest.raises(ValueError, match=r"must|not"):
        RegisterPatient(**{"first_name": "Ann", "last_name": "Lee"} | wrong)
    with pytest.raises(ValueError, match=r"must|not"):
        ChangePatient(**wrong)


def test_what_is_said_of_requests_in_a_log_is_not_private():
    said = repr(ANN) + repr(ChangePatient(first_name="MARKER", email="m@ex.org"))

    for private in ("Ann", "Müller", "ann@", "555", "1980", "MARKER", "m@ex"):
        assert private not in said
