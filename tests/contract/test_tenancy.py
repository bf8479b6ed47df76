from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve, frozen

from clinicflow_core.duplicates import match_keys
from clinicflow_core.entities.appointment import Appointment, Status
from clinicflow_core.entities.calendar import Calendar, DatedHours, TimeOff
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.user import Role
from clinicflow_core.entities.waitlist import Offer, Outcome, WaitlistEntry
from clinicflow_core.errors import (
    AppointmentNotFoundError,
    ClinicNotFoundError,
    ContentionError,
    DoctorNotFoundError,
    NotFoundError,
    NotSignedInError,
    PatientNotFoundError,
    SeriesNotFoundError,
    TimeOffNotFoundError,
    UserNotFoundError,
    WaitlistEntryNotFoundError,
)
from clinicflow_core.ports import AppointmentFilter, PageRequest, Store, UnitOfWork
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    cancellation,
    day_hours,
    doctor,
    hours,
    offer,
    overbooked,
    patient,
    span,
    time_off,
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
    time_off: TimeOff
    series: Series
    entry: WaitlistEntry
    offer: Offer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.clinic, name)


@pytest.fixture
def theirs(other: OpenClinic) -> Filled:
    """
    Another clinic, with a visit of a series, its cancellation, an event, an origin, a
    doctor with a whole calendar, and a patient on the waitlist with a lapsed offer.
    """
    series, off = other.series(), time_off(other.doctor.id)
    other.commit(
        lambda uow: uow.doctors.add(doctor(specialty="Family medicine")),
        lambda uow: uow.appointments.add_series(series),
        lambda uow: uow.doctors.add_time_off(off),
        lambda uow: uow.doctors.set_dated_hours(other.doctor.id, DAY, ()),
    )
    visit = other.store_visit(status=Status.CANCELLED, series_id=series.id)
    entry = other.store_entry(doctor_id=other.doctor.id, note="calls back")
    offered = other.store_offer("12:00-12:30", entry, expires_at=NOW)
    other.commit(
        lambda uow: uow.appointments.cancel(cancellation(visit)),
        lambda uow: uow.origins.add("patient", "row 1", other.patient.id),
        lambda uow: uow.record("appointment.booked", visit),
    )
    return Filled(other, visit, off, series, entry, offered)


@pytest.fixture
def stranger(store: Store) -> Filled:
    """A clinic that is stored nowhere."""
    chen, owner = doctor(), user(a_clinic().id)
    nobody = patient()
    nowhere = OpenClinic(
        store=store,
        clinic=a_clinic(),
        owner=owner,
        session=None,
        doctor=chen,
        patients=(nobody,),
        uow=None,
    )
    visit, entry = nowhere.visit(), nowhere.entry()
    return Filled(
        nowhere,
        visit,
        time_off(chen.id),
        nowhere.series(),
        entry,
        offer(visit, entry),
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
        pytest.param(
            lambda uow, they: uow.doctors.get_time_off(they.time_off.id),
            TimeOffNotFoundError,
            lambda they: they.time_off.id,
            id="doctors.get_time_off",
        ),
        pytest.param(
            lambda uow, they: uow.appointments.get_series(they.series.id),
            SeriesNotFoundError,
            lambda they: they.series.id,
            id="appointments.get_series",
        ),
        pytest.param(
            lambda uow, they: uow.appointments.get(they.offer.id),
            AppointmentNotFoundError,
            lambda they: they.offer.id,
            id="appointments.get of what is offered",
        ),
        pytest.param(
            lambda uow, they: uow.waitlist.get(they.entry.id),
            WaitlistEntryNotFoundError,
            lambda they: they.entry.id,
            id="waitlist.get",
        ),
        pytest.param(
            lambda uow, they: uow.diaries.read(
                None, [they.patient.id], span("00:00-23:00")
            ),
            PatientNotFoundError,
            lambda they: they.patient.id,
            id="diaries.read of all doctors",
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


@pytest.mark.parametrize("whose", ["theirs", "stranger"])
def test_another_clinics_offer_is_as_one_that_is_gone(
    whose: str, clinic: OpenClinic, request: pytest.FixtureRequest
) -> None:
    they = request.getfixturevalue(whose)

    with clinic.uow as uow, pytest.raises(ContentionError):
        uow.waitlist.get_offer(they.offer.id)


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
        assert uow.waitlist.page(None, ALL).items == ()
        assert uow.doctors.of_specialty("Family medicine", 200) == ()
        assert uow.diaries.read(None, [], span("00:00-23:00")) == uow.diaries.read(
            [clinic.doctor.id], [], span("00:00-23:00")
        )


def test_nothing_of_another_clinic_is_told(clinic: OpenClinic, theirs: Filled) -> None:
    with clinic.uow as uow:
        assert uow.doctors.hours_of(theirs.doctor.id) == ()
        assert uow.doctors.hours_of_all([theirs.doctor.id]) == {theirs.doctor.id: ()}
        assert uow.patients.named([theirs.patient.id]) == {}
        assert uow.doctors.dated_hours_of(theirs.doctor.id, DAY, DAY) == ()
        assert uow.doctors.time_off_of(theirs.doctor.id, DAY) == ()
        assert uow.appointments.cancellations_of(theirs.visit.id) == ()
        assert uow.appointments.of_series(theirs.series.id) == ()
        assert uow.appointments.of_series_with(theirs.doctor.id, 200) == ()
        assert uow.waitlist.waiting(theirs.doctor.id, DAY, DAY, 200) == ()
        assert uow.waitlist.of_patient(theirs.patient.id) == ()
        assert uow.waitlist.of_doctor(theirs.doctor.id) == ()
        assert uow.waitlist.offers_of([theirs.entry.id]) == ()
        assert uow.waitlist.open_offers_with(theirs.doctor.id) == ()
        assert uow.waitlist.lapsed(200) == ()
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
        assert len(uow.doctors.of_specialty("Family medicine", 200)) == 1
        assert len(uow.doctors.dated_hours_of(theirs.doctor.id, DAY, DAY)) == 1
        assert uow.doctors.time_off_of(theirs.doctor.id, DAY) == (theirs.time_off,)
        assert len(uow.appointments.cancellations_of(theirs.visit.id)) == 1
        for visits in (
            uow.appointments.of_series(theirs.series.id),
            uow.appointments.of_series_with(theirs.doctor.id, 200),
        ):
            assert visits == (theirs.visit,)
        for found in (
            uow.waitlist.page(None, ALL).items,
            uow.waitlist.waiting(theirs.doctor.id, DAY, DAY, 200),
            uow.waitlist.of_patient(theirs.patient.id),
            uow.waitlist.of_doctor(theirs.doctor.id),
        ):
            assert found == (theirs.entry,)
        for offers in (
            uow.waitlist.offers_of([theirs.entry.id]),
            uow.waitlist.open_offers_with(theirs.doctor.id),
            uow.waitlist.lapsed(200),
        ):
            assert offers == (theirs.offer,)
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
        theirs_still = uow.belongings.of(theirs.patient.id)
        assert theirs_still["appointments"] == (theirs.visit,)
        assert theirs_still["appointment_series"] == (theirs.series,)
        assert theirs_still["waitlist"] == (theirs.entry,)
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
        pytest.param(
            lambda uow, they, we: uow.doctors.set_dated_hours(
                they.doctor.id, DAY, day_hours("09:00-10:00")
            ),
            id="doctors.set_dated_hours",
        ),
        pytest.param(
            lambda uow, they, we: uow.doctors.add_time_off(time_off(they.doctor.id)),
            id="doctors.add_time_off",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.add_series(
                we.series(doctor_id=they.doctor.id)
            ),
            id="appointments.add_series, with their doctor",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.add_series(
                we.series(patient_id=they.patient.id)
            ),
            id="appointments.add_series, with their patient",
        ),
        pytest.param(
            lambda uow, they, we: uow.appointments.add(
                we.visit(series_id=they.series.id)
            ),
            id="appointments.add, in their series",
        ),
        pytest.param(
            lambda uow, they, we: [
                uow.appointments.add(visit := we.visit()),
                uow.appointments.save(
                    evolve(visit, series_id=they.series.id, version=2)
                ),
            ],
            id="appointments.save, in their series",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.add(
                we.entry(patient_id=they.patient.id)
            ),
            id="waitlist.add, with their patient",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.add(we.entry(doctor_id=they.doctor.id)),
            id="waitlist.add, with their doctor",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.add(
                we.entry(appointment_id=they.visit.id)
            ),
            id="waitlist.add, with their visit",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.save(they.entry.withdrawn(NOW)),
            id="waitlist.save",
        ),
        pytest.param(
            lambda uow, they, we: [
                uow.waitlist.add(entry := we.entry()),
                uow.waitlist.save(evolve(entry, patient_id=they.patient.id, version=2)),
            ],
            id="waitlist.save, with their patient",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.add_offer(
                offer(visit := we.visit(), they.entry), visit
            ),
            id="waitlist.add_offer, to their entry",
        ),
        pytest.param(
            lambda uow, they, we: [
                uow.waitlist.add(entry := we.entry()),
                uow.waitlist.add_offer(
                    offer(visit := we.visit(doctor_id=they.doctor.id), entry), visit
                ),
            ],
            id="waitlist.add_offer, of their doctor",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.end_offer(
                they.offer.ended(Outcome.DECLINED)
            ),
            id="waitlist.end_offer",
        ),
        pytest.param(
            lambda uow, they, we: uow.waitlist.accept_offer(
                they.offer.ended(Outcome.ACCEPTED), we.visit(id=they.offer.id)
            ),
            id="waitlist.accept_offer",
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
        [day] = uow.doctors.dated_hours_of(theirs.doctor.id, DAY, DAY)
        assert day.hours == ()
        assert uow.doctors.time_off_of(theirs.doctor.id, DAY) == (theirs.time_off,)
        assert uow.waitlist.get(theirs.entry.id) == theirs.entry
        assert uow.waitlist.offers_of([theirs.entry.id]) == (theirs.offer,)
        diary = uow.diaries.read([theirs.doctor.id], [], span("00:00-23:00"))
        assert [held.appointment_id for held in diary.lapsed] == [theirs.offer.id]


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


def test_what_another_clinic_keeps_of_its_days_and_its_waitlist_cannot_be_removed(
    clinic: OpenClinic, theirs: Filled
) -> None:
    clinic.commit(
        lambda uow: uow.doctors.remove_time_off(theirs.time_off.id),
        lambda uow: uow.doctors.remove(theirs.doctor.id),
        lambda uow: uow.waitlist.let_go(theirs.offer.id),
        lambda uow: uow.waitlist.remove(theirs.entry.id),
    )

    with theirs.uow as uow:
        assert uow.doctors.get_time_off(theirs.time_off.id) == theirs.time_off
        assert len(uow.doctors.dated_hours_of(theirs.doctor.id, DAY, DAY)) == 1
        assert uow.waitlist.get(theirs.entry.id) == theirs.entry
        assert uow.waitlist.get_offer(theirs.offer.id) == theirs.offer
        diary = uow.diaries.read([theirs.doctor.id], [], span("00:00-23:00"))
        assert [held.appointment_id for held in diary.lapsed] == [theirs.offer.id]


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
        assert diary.calendars == {moss.id: Calendar(hours("09:00-12:00"))}
        assert [time.appointment_id for time in diary.busy] == [theirs.id]
        assert uow.appointments.get(ours.id) == theirs
        assert uow.appointments.cancellations_of(ours.id) == (why,)


def kept_by(clinic: OpenClinic, they: Filled) -> tuple[object, ...]:
    """Return what *clinic* keeps under the ids that they have too."""
    doctor_id, patient_id = they.doctor.id, they.patient.id
    day = span("00:00-23:00")
    with clinic.unit_of_work() as uow:
        by_id = uow.diaries.read([doctor_id], [patient_id], day)
        of_all = uow.diaries.read(None, [patient_id], day)
        assert of_all.calendars[doctor_id] == by_id.calendars[doctor_id]
        return (
            by_id.calendars[doctor_id],
            uow.doctors.dated_hours_of(doctor_id, DAY, DAY),
            uow.doctors.time_off_of(doctor_id, DAY),
            uow.appointments.get_series(they.series.id),
            uow.waitlist.page(None, ALL).items,
            uow.waitlist.waiting(doctor_id, DAY, DAY, 200),
            uow.waitlist.of_patient(patient_id),
            uow.waitlist.of_doctor(doctor_id),
            uow.waitlist.offers_of([they.entry.id]),
            uow.waitlist.open_offers_with(doctor_id),
            [held.appointment_id for held in (*by_id.busy, *by_id.lapsed)],
        )


def test_two_clinics_can_keep_calendars_and_waitlists_under_the_same_id(
    clinic: OpenClinic, theirs: Filled
) -> None:
    before = kept_by(theirs.clinic, theirs)
    ours = evolve(theirs.entry, note="ours")
    off = evolve(theirs.time_off, reason="ours")
    series = evolve(theirs.series, rrule="FREQ=DAILY;COUNT=2")
    held = clinic.visit(
        id=theirs.offer.id, doctor_id=theirs.doctor.id, patient_id=theirs.patient.id
    )
    offered = offer(held, ours)

    clinic.commit(
        lambda uow: uow.doctors.add(theirs.doctor),
        lambda uow: uow.patients.add(theirs.patient),
        lambda uow: uow.doctors.set_dated_hours(
            theirs.doctor.id, DAY, day_hours("09:00-10:00")
        ),
        lambda uow: uow.doctors.add_time_off(off),
        lambda uow: uow.appointments.add_series(series),
        lambda uow: uow.waitlist.add(ours),
        lambda uow: uow.waitlist.add_offer(offered, held),
    )

    day = DatedHours(DAY, day_hours("09:00-10:00"))
    assert kept_by(clinic, theirs) == (
        Calendar((), (day,), (off,)),
        (day,),
        (off,),
        series,
        *[(ours,)] * 4,
        *[(offered,)] * 2,
        [offered.id],
    )
    assert kept_by(theirs.clinic, theirs) == before

    clinic.commit(
        lambda uow: uow.waitlist.end_offer(offered.ended(Outcome.DECLINED)),
        lambda uow: uow.waitlist.remove(ours.id),
        lambda uow: uow.doctors.set_dated_hours(theirs.doctor.id, DAY, None),
        lambda uow: uow.doctors.remove_time_off(off.id),
    )

    assert kept_by(clinic, theirs) == (
        Calendar(),
        (),
        (),
        series,
        *[()] * 6,
        [],
    )
    assert kept_by(theirs.clinic, theirs) == before


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
