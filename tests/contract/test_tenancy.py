from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve, frozen

from clinicflow_core.duplicates import match_keys
from clinicflow_core.entities.appointment import Appointment, Status
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AppointmentNotFoundError,
    ClinicNotFoundError,
    ContentionError,
    DoctorNotFoundError,
    NotFoundError,
    NotSignedInError,
    PatientNotFoundError,
    UserNotFoundError,
)
from clinicflow_core.ports import AppointmentFilter, PageRequest, Store, UnitOfWork
from tests.builders import (
    NOW,
    OpenClinic,
    cancellation,
    doctor,
    hours,
    open_clinic,
    overbooked,
    patient,
    span,
    user,
)
from tests.builders import (
    clinic as a_clinic,
)

ALL = PageRequest(limit=200)


@frozen
class Filled:
    """A clinic with one of everything."""

    clinic: OpenClinic
    visit: Appointment

    def __getattr__(self, name: str) -> Any:
        return getattr(self.clinic, name)


@pytest.fixture
def theirs(other: OpenClinic) -> Filled:
    """Another clinic, with a visit, its cancellation, an event and an origin."""
    visit = other.store_visit(status=Status.CANCELLED)
    other.commit(
        lambda uow: uow.appointments.cancel(cancellation(visit)),
        lambda uow: uow.origins.add("patient", "row 1", other.patient.id),
        lambda uow: uow.record("appointment.booked", visit),
    )
    return Filled(other, visit)


@pytest.fixture
def stranger(store: Store) -> Filled:
    """A clinic that is stored nowhere."""
    chen, owner = doctor(), user(a_clinic().id)
    nobody = patient()
    visit = open_clinic(store).visit(doctor_id=chen.id, patient_id=nobody.id)
    return Filled(
        OpenClinic(
            store=store,
            clinic=a_clinic(),
            owner=owner,
            session=None,
            doctor=chen,
            patients=(nobody,),
            uow=None,
        ),
        visit,
    )


not_found = pytest.mark.parametrize(
    ("ask", "error", "key"),
    [
        pytest.param(
            lambda uow, they: uow.doctors.get(they.doctor.id),
            DoctorNotFoundError,
            lambda they: they.doctor.id,
            id="doctors.get",
        ),
        pytest.param(
            lambda uow, they: uow.patients.get(they.patient.id),
            PatientNotFoundError,
            lambda they: they.patient.id,
            id="patients.get",
        ),
        pytest.param(
            lambda uow, they: uow.appointments.get(they.visit.id),
            AppointmentNotFoundError,
            lambda they: they.visit.id,
            id="appointments.get",
        ),
        pytest.param(
            lambda uow, they: uow.users.get(they.owner.id),
            UserNotFoundError,
            lambda they: they.owner.id,
            id="users.get",
        ),
        *(
            pytest.param(
                lambda uow, they, way=way: getattr(uow.diaries, way)(
                    [they.doctor.id], [], span("00:00-23:00")
                ),
                DoctorNotFoundError,
                lambda they: they.doctor.id,
                id=f"diaries.{way} of a doctor",
            )
            for way in ("read", "hold")
        ),
        *(
            pytest.param(
                lambda uow, they, way=way: getattr(uow.diaries, way)(
                    [], [they.patient.id], span("00:00-23:00")
                ),
                PatientNotFoundError,
                lambda they: they.patient.id,
                id=f"diaries.{way} of a patient",
            )
            for way in ("read", "hold")
        ),
    ],
)


@not_found
def test_another_clinics_record_is_not_found(
    ask: Callable[[UnitOfWork, Filled], object],
    error: type[NotFoundError],
    key: Callable[[Filled], object],
    clinic: OpenClinic,
    theirs: Filled,
) -> None:
    with clinic.uow as uow, pytest.raises(error) as refused:
        ask(uow, theirs)

    assert refused.value.record_id == key(theirs)


@not_found
def test_what_is_nowhere_is_not_found_in_the_same_words(
    ask: Callable[[UnitOfWork, Filled], object],
    error: type[NotFoundError],
    key: Callable[[Filled], object],
    clinic: OpenClinic,
    stranger: Filled,
) -> None:
    with clinic.uow as uow, pytest.raises(error) as refused:
        ask(uow, stranger)

    assert str(refused.value) == f"There is no {error.kind} {key(stranger)}."


def test_nothing_of_another_clinic_shows_in_a_list(
    clinic: OpenClinic, theirs: Filled
) -> None:
    with clinic.uow as uow:
        assert uow.doctors.page(ALL).items == (clinic.doctor,)
        assert uow.patients.page([], ALL).items == clinic.patients
        assert uow.users.page(ALL).items == (clinic.owner,)
        for which in (
            AppointmentFilter(),
            AppointmentFilter(doctor_id=theirs.doctor.id),
            AppointmentFilter(patient_id=theirs.patient.id),
        ):
            assert uow.appointments.page(which, ALL).items == ()


def test_nothing_of_another_clinic_is_told(clinic: OpenClinic, theirs: Filled) -> None:
    with clinic.uow as uow:
        assert uow.doctors.hours_of(theirs.doctor.id) == ()
        assert uow.doctors.hours_of_all([theirs.doctor.id]) == {theirs.doctor.id: ()}
        assert uow.patients.named([theirs.patient.id]) == {}
        assert uow.appointments.cancellations_of(theirs.visit.id) == ()
        assert uow.events.of(theirs.visit.id) == ()
        assert uow.origins.known("patient", ["row 1"]) == {}
        assert uow.origins.of("patient", theirs.patient.id) == ()
        assert set(uow.belongings.of(theirs.patient.id).values()) == {()}
        [alike] = uow.patients.sharing([match_keys(theirs.patient)])
        assert set(alike) == set(clinic.patients)


def test_what_another_clinic_told_is_there(theirs: Filled) -> None:
    """The control of the tests above: what they do not see exists."""
    with theirs.uow as uow:
        assert len(uow.doctors.hours_of(theirs.doctor.id)) == 7
        assert theirs.patient.id in uow.patients.named([theirs.patient.id])
        assert len(uow.appointments.cancellations_of(theirs.visit.id)) == 1
        assert len(uow.events.of(theirs.visit.id)) == 1
        assert uow.origins.known("patient", ["row 1"]) == {"row 1": theirs.patient.id}
        assert uow.origins.of("patient", theirs.patient.id) == ("row 1",)
        assert uow.belongings.of(theirs.patient.id)["appointments"] == (theirs.visit,)
        [alike] = uow.patients.sharing([match_keys(theirs.patient)])
        assert theirs.patient in alike


def test_another_clinics_belongings_are_neither_moved_nor_blanked(
    clinic: OpenClinic, theirs: Filled
) -> None:
    to = clinic.patient.id
    moves = [
        lambda uow: uow.belongings.move(theirs.patient.id, to, NOW),
        lambda uow: uow.belongings.blank(theirs.patient.id, NOW),
    ]

    clinic.commit(*moves)

    with theirs.uow as uow:
        assert uow.belongings.of(theirs.patient.id)["appointments"] == (theirs.visit,)
        assert uow.origins.of("patient", theirs.patient.id) == ("row 1",)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda uow, they, we: uow.doctors.save(
                they.doctor.changed({"name": "Dr. Nobody"})
            ),
            id="doctors.save",
        ),
        pytest.param(
            lambda uow, they, we: uow.patients.save(
                they.patient.changed({"last_name": "Nobody"}, NOW)
            ),
            id="patients.save",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.save(
                evolve(they.visit, version=2, status=Status.COMPLETED)
            ),
            id="appointments.save",
        ),
        pytest.param(
            lambda uow, they, we: uow.doctors.set_hours(
                they.doctor.id, hours("09:00-10:00")
            ),
            id="doctors.set_hours",
        ),
        pytest.param(
            lambda uow, they, we: uow.doctors.add(doctor(user_id=they.owner.id)),
            id="doctors.add, with their account",
        ),
        pytest.param(
            lambda uow, they, we: uow.doctors.save(
                we.doctor.changed({"user_id": they.owner.id})
            ),
            id="doctors.save, with their account",
        ),
        pytest.param(
            lambda uow, they, we: uow.users.add(
                user(we.id, role=Role.DOCTOR, doctor_id=they.doctor.id)
            ),
            id="users.add, with their doctor",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.add(
                we.visit(doctor_id=they.doctor.id)
            ),
            id="appointments.add, with their doctor",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.add(
                we.visit(patient_id=they.patient.id)
            ),
            id="appointments.add, with their patient",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.add(
                we.visit(override=overbooked(they.owner.id))
            ),
            id="appointments.add, overridden by them",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.cancel(cancellation(they.visit)),
            id="appointments.cancel",
        ),
        pytest.param(
            lambda uow, they, we: [
                uow.appointments.add(visit := we.visit()),
                uow.appointments.cancel(
                    cancellation(visit, cancelled_by_id=they.owner.id)
                ),
            ],
            id="appointments.cancel, by them",
        ),
        pytest.param(
            lambda uow, they, we: [
                uow.appointments.add(visit := we.visit()),
                uow.appointments.cancel(
                    cancellation(visit, patient_id=they.patient.id)
                ),
            ],
            id="appointments.cancel, with their patient",
        ),
    ],
)
def test_no_write_reaches_into_another_clinic(
    write: Callable[[UnitOfWork, Filled, OpenClinic], object],
    clinic: OpenClinic,
    theirs: Filled,
) -> None:
    with pytest.raises(ContentionError):
        clinic.commit(lambda uow: write(uow, theirs, clinic))

    with theirs.uow as uow:
        assert uow.doctors.get(theirs.doctor.id) == theirs.doctor
        assert uow.patients.get(theirs.patient.id) == theirs.patient
        assert uow.appointments.get(theirs.visit.id) == theirs.visit
        assert len(uow.doctors.hours_of(theirs.doctor.id)) == 7


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda uow, they: uow.change_clinic(
                they.clinic.clinic.changed({"name": "Ours"}, NOW)
            ),
            id="change_clinic",
        ),
        pytest.param(lambda uow, they: uow.users.add(user(they.id)), id="users.add"),
    ],
)
def test_another_clinic_is_not_there_to_be_changed(
    write: Callable[[UnitOfWork, Filled], object],
    clinic: OpenClinic,
    theirs: Filled,
) -> None:
    with pytest.raises(ClinicNotFoundError):
        clinic.commit(lambda uow: write(uow, theirs))

    with theirs.uow as uow:
        assert uow.clinic == theirs.clinic.clinic
        assert uow.users.page(ALL).items == (theirs.owner,)


def test_another_clinics_people_cannot_be_removed(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    clinic.commit(
        lambda uow: uow.doctors.remove(other.doctor.id),
        lambda uow: uow.patients.remove(other.patient.id),
    )

    with other.uow as uow:
        assert uow.doctors.get(other.doctor.id) == other.doctor
        assert len(uow.doctors.hours_of(other.doctor.id)) == 7
        assert uow.patients.get(other.patient.id) == other.patient


def test_a_session_counts_in_its_own_clinic_only(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    uow = clinic.store.unit_of_work(other.id, clinic.session.id)

    with pytest.raises(NotSignedInError), uow:
        pytest.fail("That is another clinic's session.")


def test_two_clinics_can_keep_records_under_the_same_id(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    ours = clinic.store_visit()
    theirs = evolve(ours, status=Status.CONFIRMED, meeting_link="https://example.org")
    moss = evolve(clinic.doctor, name="Dr. Moss")
    bea = evolve(clinic.patient, first_name="Bea")
    why = cancellation(ours)

    other.commit(
        lambda uow: uow.doctors.add(moss),
        lambda uow: uow.doctors.set_hours(moss.id, hours("09:00-12:00")),
        lambda uow: uow.patients.add(bea),
        lambda uow: uow.appointments.add(theirs),
        lambda uow: uow.appointments.cancel(why),
    )
    clinic.commit(
        lambda uow: uow.appointments.cancel(evolve(why, reason_note="ours")),
    )

    with clinic.uow as uow:
        assert uow.doctors.get(moss.id) == clinic.doctor
        assert uow.patients.get(bea.id) == clinic.patient
        assert uow.appointments.get(ours.id) == ours
        assert len(uow.doctors.hours_of(moss.id)) == 7
        [told] = uow.appointments.cancellations_of(ours.id)
        assert told.reason_note == "ours"
    with other.uow as uow:
        diary = uow.diaries.hold([moss.id], [bea.id], ours.span)
        assert diary.doctors == {moss.id: moss}
        assert diary.patients == {bea.id: bea}
        assert diary.hours == {moss.id: hours("09:00-12:00")}
        assert [time.appointment_id for time in diary.busy] == [theirs.id]
        assert uow.appointments.get(ours.id) == theirs
        assert uow.appointments.cancellations_of(ours.id) == (why,)


def test_removing_under_the_same_id_removes_only_ones_own(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    other.commit(
        lambda uow: uow.doctors.add(clinic.doctor),
        lambda uow: uow.patients.add(clinic.patient),
    )

    other.commit(
        lambda uow: uow.doctors.remove(clinic.doctor.id),
        lambda uow: uow.patients.remove(clinic.patient.id),
    )

    with clinic.uow as uow:
        assert uow.doctors.get(clinic.doctor.id) == clinic.doctor
        assert len(uow.doctors.hours_of(clinic.doctor.id)) == 7
        assert uow.patients.get(clinic.patient.id) == clinic.patient


def test_one_clinics_visit_takes_no_time_from_its_namesakes(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    """The same doctor and patient ids in two clinics are different people."""
    other.commit(
        lambda uow: uow.doctors.add(clinic.doctor),
        lambda uow: uow.patients.add(clinic.patient),
    )
    clinic.store_visit()

    with other.uow as uow:
        diary = uow.diaries.read(
            [clinic.doctor.id], [clinic.patient.id], span("00:00-23:00")
        )
        assert diary.busy == ()
    booked = other.store_visit(doctor_id=clinic.doctor.id, patient_id=clinic.patient.id)

    with other.uow as uow:
        assert uow.appointments.get(booked.id) == booked
