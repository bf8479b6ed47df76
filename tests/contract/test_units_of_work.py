from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Permission, actor_of, system
from clinicflow_core.entities.appointment import Status
from clinicflow_core.errors import (
    ClinicFlowError,
    ClinicNotFoundError,
    ContentionError,
    EmailTakenError,
    StaleVersionError,
)
from clinicflow_core.ports import (
    AppointmentFilter,
    PageRequest,
    Store,
    UnitOfWork,
)
from tests.builders import (
    NOW,
    OpenClinic,
    cancellation,
    doctor,
    hours,
    patient,
    user,
)

Write = Callable[[UnitOfWork, OpenClinic], Any]

ALL = PageRequest(limit=200)
ROW = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")

WRITES: dict[str, Write] = {
    "a doctor is added": lambda uow, _: uow.doctors.add(doctor()),
    "a doctor is saved": lambda uow, clinic: uow.doctors.save(
        clinic.doctor.changed({"name": "Dr. Chen-Moss"})
    ),
    "a doctor is removed": lambda uow, clinic: uow.doctors.remove(clinic.doctor.id),
    "hours are set": lambda uow, clinic: uow.doctors.set_hours(
        clinic.doctor.id, hours("09:00-12:00")
    ),
    "a patient is added": lambda uow, _: uow.patients.add(patient()),
    "a patient is saved": lambda uow, clinic: uow.patients.save(
        clinic.patients[1].changed({"phone": "555 0100"}, NOW)
    ),
    "a patient is removed": lambda uow, clinic: uow.patients.remove(
        clinic.patients[1].id
    ),
    "a visit is added": lambda uow, clinic: uow.appointments.add(clinic.visit()),
    "a visit is added and saved": lambda uow, clinic: [
        uow.appointments.add(visit := clinic.visit()),
        uow.appointments.save(visit.confirmed(NOW)),
    ],
    "a visit is cancelled": lambda uow, clinic: [
        uow.appointments.add(visit := clinic.visit()),
        uow.appointments.cancel(cancellation(visit)),
    ],
    "an account is added": lambda uow, clinic: uow.users.add(user(clinic.id)),
    "an origin is added": lambda uow, clinic: uow.origins.add("patient", "row 1", ROW),
    "the clinic is changed": lambda uow, clinic: uow.change_clinic(
        clinic.clinic.changed({"name": "Hill Road Practice"}, NOW)
    ),
    "an event is recorded": lambda uow, clinic: uow.record(
        "clinic.greeted", clinic.clinic, {"times": 1}, "to be polite"
    ),
}

writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())


def commit(clinic: OpenClinic, *writes: Write) -> None:
    clinic.commit(*(partial(_bound, write, clinic) for write in writes))


def _bound(write: Write, clinic: OpenClinic, uow: UnitOfWork) -> None:
    write(uow, clinic)


def everything(uow: UnitOfWork) -> tuple[object, ...]:
    """Return all that can be read of a clinic."""
    doctors = uow.doctors.page(ALL).items
    visits = uow.appointments.page(AppointmentFilter(), ALL).items
    return (
        uow.clinic,
        doctors,
        uow.doctors.hours_of_all([d.id for d in doctors]),
        uow.patients.page([], ALL).items,
        uow.users.page(ALL).items,
        visits,
        [uow.appointments.cancellations_of(visit.id) for visit in visits],
        uow.origins.known("patient", ["row 1"]),
        uow.events.of(uow.clinic.id),
    )


@writes
def test_a_unit_of_work_reads_what_it_wrote(write: Write, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        before = everything(uow)
        write(uow, clinic)

        assert everything(uow) != before


@writes
def test_what_was_committed_is_there(write: Write, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        write(uow, clinic)
        written = everything(uow)
        uow.commit()

    with clinic.unit_of_work() as uow:
        assert everything(uow) == written


@writes
def test_what_was_not_committed_is_not_there(write: Write, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        before = everything(uow)

    with clinic.uow as uow:
        write(uow, clinic)
    with clinic.uow as uow:
        write(uow, clinic)
        everything(uow)  # Whatever waited has reached the database by now.

    with clinic.uow as uow:
        assert everything(uow) == before


@writes
def test_an_exception_undoes_the_block(write: Write, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        before = everything(uow)

    with pytest.raises(ZeroDivisionError):
        commit(clinic, write, lambda uow, _: 1 / 0)

    with clinic.uow as uow:
        assert everything(uow) == before


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        pytest.param(
            lambda uow, clinic: uow.patients.save(clinic.patient),
            ContentionError,
            id="a stale version",
        ),
        pytest.param(
            lambda uow, clinic: uow.appointments.add(clinic.visit("20:10-20:20")),
            ContentionError,
            id="a time that is taken",
        ),
        pytest.param(
            lambda uow, clinic: uow.users.add(user(clinic.id, clinic.owner.email)),
            EmailTakenError,
            id="an e-mail that is taken",
        ),
    ],
)
def test_a_refused_write_undoes_the_whole_block(
    refused: Write, error: type[ClinicFlowError], clinic: OpenClinic
) -> None:
    other_doctor = clinic.add_doctor()
    clinic.store_visit("20:00-21:00", doctor_id=other_doctor.id)
    with clinic.uow as uow:
        before = everything(uow)

    with pytest.raises(error):
        commit(
            clinic,
            WRITES["hours are set"],
            WRITES["a visit is cancelled"],
            WRITES["an account is added"],
            WRITES["an event is recorded"],
            refused,
        )

    with clinic.uow as uow:
        assert everything(uow) == before


def test_a_unit_of_work_tells_who_acts_where_and_when(clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        assert uow.actor == actor_of(clinic.owner, clinic.session.id)
        assert uow.clinic == clinic.clinic
        assert uow.now == NOW


def test_a_program_acts_under_its_own_name(clinic: OpenClinic) -> None:
    with clinic.system("importer") as uow:
        assert uow.actor == system("importer")
        assert uow.actor.permissions == frozenset(Permission)


def test_a_changed_clinic_shows_at_once(clinic: OpenClinic) -> None:
    changed = clinic.clinic.changed({"timezone": "Asia/Kathmandu"}, NOW)

    with clinic.uow as uow:
        uow.change_clinic(changed)
        assert uow.clinic == changed
        uow.commit()

    with clinic.uow as uow:
        assert uow.clinic == changed


def test_nobody_acts_in_a_clinic_that_is_not_there(store: Store) -> None:
    uow = store.unit_of_work(ROW, system("system"))

    with pytest.raises(ClinicNotFoundError) as refused, uow:
        pytest.fail("There is no such clinic.")

    assert refused.value.record_id == ROW


def test_a_second_block_does_not_keep_what_the_first_left_undone(
    clinic: OpenClinic,
) -> None:
    left, kept = doctor("Dr. Left"), doctor("Dr. Kept")

    with clinic.uow as uow:
        uow.doctors.add(left)
    with clinic.uow as uow:
        uow.doctors.add(kept)
        uow.commit()

    with clinic.uow as uow:
        assert uow.doctors.page(ALL).items == (kept, clinic.doctor)


def test_what_is_written_after_the_commit_is_not_kept(clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        uow.doctors.add(doctor("Dr. Before"))
        uow.commit()
        uow.doctors.add(doctor("Dr. After"))

    with clinic.uow as uow:
        names = [found.name for found in uow.doctors.page(ALL).items]
        assert names == ["Dr. Before", "Dr. Sarah Chen"]


@pytest.mark.parametrize(
    ("save", "kept"),
    [
        pytest.param(
            lambda uow, clinic, version: uow.doctors.save(
                evolve(clinic.doctor, name="Dr. Late", version=version)
            ),
            lambda uow, clinic: uow.doctors.get(clinic.doctor.id) == clinic.doctor,
            id="doctor",
        ),
        pytest.param(
            lambda uow, clinic, version: uow.patients.save(
                evolve(clinic.patient, last_name="Late", version=version)
            ),
            lambda uow, clinic: uow.patients.get(clinic.patient.id) == clinic.patient,
            id="patient",
        ),
        pytest.param(
            lambda uow, clinic, version: uow.change_clinic(
                evolve(clinic.clinic, name="Late", version=version)
            ),
            lambda uow, clinic: uow.clinic == clinic.clinic,
            id="clinic",
        ),
    ],
)
@pytest.mark.parametrize("version", [1, 3], ids=["stale", "from the future"])
def test_a_record_is_saved_only_over_the_version_before(
    save: Callable[..., None],
    kept: Callable[..., bool],
    version: int,
    clinic: OpenClinic,
) -> None:
    with pytest.raises(ContentionError) as refused:
        clinic.commit(lambda uow: save(uow, clinic, version))

    assert isinstance(refused.value.refusal, StaleVersionError)
    with clinic.uow as uow:
        assert kept(uow, clinic)


def test_a_visit_is_saved_only_over_the_version_before(clinic: OpenClinic) -> None:
    visit = clinic.store_visit()
    clinic.commit(lambda uow: uow.appointments.save(visit.confirmed(NOW)))

    with pytest.raises(ContentionError) as refused:
        clinic.commit(lambda uow: uow.appointments.save(visit.cancelled(NOW)))

    assert isinstance(refused.value.refusal, StaleVersionError)
    assert refused.value.refusal.record_id == visit.id
    with clinic.uow as uow:
        assert uow.appointments.get(visit.id) == visit.confirmed(NOW)


@pytest.mark.parametrize("kind", ["doctors", "patients", "appointments"])
def test_what_is_not_there_cannot_be_saved(kind: str, clinic: OpenClinic) -> None:
    stranger = {
        "doctors": doctor(version=2),
        "patients": patient(version=2),
        "appointments": clinic.visit(version=2),
    }[kind]

    with pytest.raises(ContentionError) as refused:
        clinic.commit(lambda uow: getattr(uow, kind).save(stranger))

    assert isinstance(refused.value.refusal, StaleVersionError)


def test_two_changes_of_one_record_count_one_after_the_other(
    clinic: OpenClinic,
) -> None:
    once = clinic.patient.changed({"phone": "555 0100"}, NOW)
    twice = once.changed({"email": "ann@example.org"}, NOW)

    clinic.commit(
        lambda uow: uow.patients.save(once), lambda uow: uow.patients.save(twice)
    )

    with clinic.uow as uow:
        assert uow.patients.get(clinic.patient.id) == twice


@pytest.mark.parametrize(
    "add",
    [
        pytest.param(lambda uow, clinic: uow.doctors.add(clinic.doctor), id="doctor"),
        pytest.param(
            lambda uow, clinic: uow.patients.add(clinic.patient), id="patient"
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.origins.add("patient", "row 1", ROW),
                uow.origins.add("patient", "row 1", clinic.id),
            ],
            id="origin",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add(visit := clinic.visit()),
                uow.appointments.add(evolve(clinic.visit("18:00-18:30"), id=visit.id)),
            ],
            id="visit",
        ),
    ],
)
def test_no_key_is_taken_twice(add: Write, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        before = everything(uow)

    with pytest.raises(ContentionError):
        commit(clinic, add)

    with clinic.uow as uow:
        assert everything(uow) == before


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda uow, clinic: uow.appointments.add(
                clinic.visit(doctor_id=doctor().id)
            ),
            id="a visit with an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: uow.appointments.add(
                clinic.visit(patient_id=patient().id)
            ),
            id="a visit of an unknown patient",
        ),
        pytest.param(
            lambda uow, clinic: uow.appointments.cancel(cancellation(clinic.visit())),
            id="the cancellation of an unknown visit",
        ),
        pytest.param(
            lambda uow, clinic: uow.doctors.set_hours(
                doctor().id, hours("09:00-12:00")
            ),
            id="hours of an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add(clinic.visit()),
                uow.doctors.remove(clinic.doctor.id),
            ],
            id="without the doctor of a visit",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add(clinic.visit()),
                uow.patients.remove(clinic.patient.id),
            ],
            id="without the patient of a visit",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add(clinic.visit(status=Status.CANCELLED)),
                uow.patients.remove(clinic.patient.id),
            ],
            id="without the patient of a visit that was cancelled",
        ),
    ],
)
def test_nothing_hangs_in_the_air(write: Write, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        before = everything(uow)

    with pytest.raises(ContentionError):
        commit(clinic, write)

    with clinic.uow as uow:
        assert everything(uow) == before


def test_a_doctor_whose_visits_others_took_over_can_be_removed(
    clinic: OpenClinic,
) -> None:
    leaving, staying = clinic.add_doctor(), clinic.doctor
    visit = clinic.store_visit(doctor_id=leaving.id)
    handed_over = evolve(visit, doctor_id=staying.id, version=2)

    clinic.commit(
        lambda uow: uow.appointments.save(handed_over),
        lambda uow: uow.doctors.remove(leaving.id),
    )

    with clinic.uow as uow:
        assert uow.doctors.page(ALL).items == (staying,)
        assert uow.appointments.get(visit.id) == handed_over
