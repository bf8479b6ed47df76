from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, frozen

from clinicflow_core.accounts.permissions import Permission, actor_of, system
from clinicflow_core.entities.appointment import Appointment, Status
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.intake import IntakeForm, IntakeLink
from clinicflow_core.entities.policy import DoctorPolicy, SchedulingPolicy
from clinicflow_core.entities.summary import Summary
from clinicflow_core.entities.waitlist import Offer, Outcome, WaitlistEntry
from clinicflow_core.errors import (
    ClinicFlowError,
    ClinicNotFoundError,
    ContentionError,
    EmailTakenError,
    OfferNotOpenError,
    StaleVersionError,
)
from clinicflow_core.ports import (
    AppointmentFilter,
    FormFilter,
    PageRequest,
    Store,
    UnitOfWork,
)
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    cancellation,
    day_hours,
    digest,
    doctor,
    hours,
    intake_link,
    offer,
    patient,
    questionnaire,
    span,
    summary,
    time_off,
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
    "the clinic gets a policy": lambda uow, clinic: uow.change_clinic(
        clinic.clinic.changed({"policy": SchedulingPolicy(slot_step=10)}, NOW)
    ),
    "a doctor gets a policy": lambda uow, clinic: uow.doctors.save(
        clinic.doctor.changed({"policy": DoctorPolicy(slot_step=10)})
    ),
    "a day gets hours of its own": lambda uow, clinic: uow.doctors.set_dated_hours(
        clinic.doctor.id, DAY, day_hours("09:00-12:00", "13:00-17:00")
    ),
    "a day is left without hours": lambda uow, clinic: uow.doctors.set_dated_hours(
        clinic.doctor.id, DAY, ()
    ),
    "time off is taken": lambda uow, clinic: uow.doctors.add_time_off(
        time_off(clinic.doctor.id)
    ),
    "a series is added": lambda uow, clinic: [
        uow.appointments.add_series(series := clinic.series()),
        uow.appointments.add(clinic.visit(series_id=series.id)),
    ],
    "an entry of the waitlist is added": lambda uow, clinic: uow.waitlist.add(
        clinic.entry()
    ),
    "an entry is added and saved": lambda uow, clinic: [
        uow.waitlist.add(entry := clinic.entry()),
        uow.waitlist.save(entry.withdrawn(NOW)),
    ],
    "a time is offered": lambda uow, clinic: [
        uow.waitlist.add(entry := clinic.entry()),
        uow.waitlist.add_offer(offer(visit := clinic.visit(), entry), visit),
    ],
    "a questionnaire is added": lambda uow, _: uow.questionnaires.add(questionnaire()),
    "a form is added": lambda uow, clinic: uow.intake_forms.add(clinic.form()),
    "a form is added and submitted": lambda uow, clinic: [
        uow.intake_forms.add(form := clinic.form()),
        uow.intake_forms.save(form.submitted({"question1": "A headache"}, [], NOW)),
    ],
    "a link to a form is added": lambda uow, clinic: [
        uow.intake_forms.add(form := clinic.form()),
        uow.intake_forms.add_link(intake_link(form)),
    ],
    "a summary is asked for and made": lambda uow, clinic: [
        uow.intake_forms.add(form := clinic.form()),
        uow.summaries.add(asked := summary(form)),
        uow.summaries.save(asked.generated(digest(), [], "extractive-1", NOW)),
    ],
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
    patients = uow.patients.page([], ALL).items
    visits = uow.appointments.page(AppointmentFilter(), ALL).items
    entries = uow.waitlist.page(None, ALL).items
    forms = uow.intake_forms.page(FormFilter(), ALL).items
    return (
        uow.clinic,
        doctors,
        uow.doctors.hours_of_all([d.id for d in doctors]),
        [uow.doctors.dated_hours_of(d.id, DAY, DAY) for d in doctors],
        [uow.doctors.time_off_of(d.id, DAY) for d in doctors],
        patients,
        [uow.belongings.of(p.id) for p in patients],
        entries,
        uow.waitlist.offers_of([entry.id for entry in entries]),
        uow.diaries.read(None, [p.id for p in patients], span("00:00-23:59")),
        uow.users.page(ALL).items,
        visits,
        [uow.appointments.cancellations_of(visit.id) for visit in visits],
        uow.origins.known("patient", ["row 1"]),
        uow.questionnaires.page(ALL).items,
        forms,
        [uow.intake_forms.current_of(visit.id) for visit in visits],
        [uow.intake_forms.links_of(form.id) for form in forms],
        [uow.summaries.of_form(form.id) for form in forms],
        uow.jobs.page(["form.busy"], None, ALL).items,
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


@frozen
class Busy:
    """
    A clinic whose first patient waits, with an open offer, for a doctor who has
    a day of other hours and time off, and once was offered another time of theirs.
    The patient has a form with a link and a summary, and something is to be done of it.
    """

    clinic: OpenClinic
    time_off: TimeOff
    entry: WaitlistEntry
    declined: Offer
    offer: Offer
    link: IntakeLink
    form: IntakeForm
    summary: Summary

    @property
    def held(self) -> Appointment:
        return self.clinic.visit("12:00-12:30", id=self.offer.id)


@pytest.fixture
def busy(clinic: OpenClinic) -> Busy:
    off = time_off(clinic.doctor.id)
    entry = clinic.store_entry(note="calls back")
    declined = clinic.store_offer("10:00-10:30", entry)
    clinic.commit(
        lambda uow: uow.doctors.add_time_off(off),
        lambda uow: uow.doctors.set_dated_hours(
            clinic.doctor.id, DAY, day_hours("09:00-12:00")
        ),
        lambda uow: uow.waitlist.end_offer(declined.ended(Outcome.DECLINED)),
    )
    offered = clinic.store_offer("12:00-12:30", entry)
    form = clinic.store_form(raw_answers={"question1": "A headache"})
    link, made = clinic.store_link(form), clinic.store_summary(form, digest=digest())
    clinic.commit(lambda uow: uow.record("form.busy", form))
    return Busy(clinic, off, entry, declined, offered, link, form, made)


CHANGES: dict[str, Callable[[UnitOfWork, Busy], Any]] = {
    "time off is given back": lambda uow, busy: uow.doctors.remove_time_off(
        busy.time_off.id
    ),
    "a day gets its weekly hours again": lambda uow, busy: uow.doctors.set_dated_hours(
        busy.clinic.doctor.id, DAY, None
    ),
    "a day gets other hours once more": lambda uow, busy: [
        uow.doctors.set_dated_hours(busy.clinic.doctor.id, DAY, None),
        uow.doctors.set_dated_hours(busy.clinic.doctor.id, DAY, day_hours()),
    ],
    "an entry is saved": lambda uow, busy: uow.waitlist.save(busy.entry.offered(NOW)),
    "an offer is declined": lambda uow, busy: uow.waitlist.end_offer(
        busy.offer.ended(Outcome.DECLINED)
    ),
    "an offer is accepted": lambda uow, busy: uow.waitlist.accept_offer(
        busy.offer.ended(Outcome.ACCEPTED), busy.held
    ),
    "the time of an offer is let go of": lambda uow, busy: uow.waitlist.let_go(
        busy.offer.id
    ),
    "an entry is removed": lambda uow, busy: [
        uow.waitlist.end_offer(busy.offer.ended(Outcome.WITHDRAWN)),
        uow.waitlist.remove(busy.entry.id),
    ],
    "an entry is moved": lambda uow, busy: uow.belongings.move(
        busy.clinic.patient.id, busy.clinic.patients[1].id, NOW
    ),
    "an entry is blanked": lambda uow, busy: uow.belongings.blank(
        busy.clinic.patient.id, NOW
    ),
    "a form is given back": lambda uow, busy: uow.intake_forms.save(
        busy.form.revoked(NOW)
    ),
    "a link is used": lambda uow, busy: [
        link := uow.intake_forms.hold_link(busy.link.token_hash),
        uow.intake_forms.save_link(link.used("f" * 64, NOW)),
    ],
    "the links to a form are revoked": lambda uow, busy: uow.intake_forms.revoke_links(
        busy.form.id, NOW
    ),
    "another summary takes the place of one": lambda uow, busy: [
        uow.summaries.save(busy.summary.superseded(NOW)),
        uow.summaries.add(summary(busy.form, id=ROW)),
    ],
    "a job is claimed": lambda uow, busy: uow.jobs.claim(["form.busy"], NOW),
    "a job is done": lambda uow, busy: [
        job := uow.jobs.claim(["form.busy"], NOW),
        uow.jobs.save(evolve(job, done_at=NOW, leased_until=None)),
    ],
    "a doctor is removed, with the calendar and what was offered": lambda uow, busy: [
        uow.waitlist.end_offer(busy.offer.ended(Outcome.WITHDRAWN)),
        uow.doctors.remove(busy.clinic.doctor.id),
    ],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen_at_once_and_kept_by_its_commit(
    change: Callable[[UnitOfWork, Busy], Any], busy: Busy
) -> None:
    clinic = busy.clinic
    with clinic.uow as uow:
        before = everything(uow)

    with clinic.uow as uow:
        change(uow, busy)
        changed = everything(uow)
    with clinic.uow as uow:
        undone = everything(uow)
    with clinic.uow as uow:
        change(uow, busy)
        uow.commit()

    with clinic.unit_of_work() as uow:
        assert everything(uow) == changed
    assert undone == before != changed


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
            lambda uow, clinic: [
                uow.waitlist.add(entry := clinic.entry()),
                uow.waitlist.add_offer(
                    offer(visit := clinic.visit("20:10-20:20"), entry), visit
                ),
            ],
            ContentionError,
            id="the offer of a time that is taken",
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


def test_an_entry_is_saved_only_over_the_version_before(clinic: OpenClinic) -> None:
    entry = clinic.store_entry()
    clinic.commit(lambda uow: uow.waitlist.save(entry.offered(NOW)))

    with pytest.raises(ContentionError) as refused:
        clinic.commit(lambda uow: uow.waitlist.save(entry.withdrawn(NOW)))

    assert isinstance(refused.value.refusal, StaleVersionError)
    assert refused.value.refusal.record_id == entry.id
    with clinic.uow as uow:
        assert uow.waitlist.get(entry.id) == entry.offered(NOW)


@pytest.mark.parametrize("kind", ["doctors", "patients", "appointments", "waitlist"])
def test_what_is_not_there_cannot_be_saved(kind: str, clinic: OpenClinic) -> None:
    stranger = {
        "doctors": doctor(version=2),
        "patients": patient(version=2),
        "appointments": clinic.visit(version=2),
        "waitlist": clinic.entry(version=2),
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
        pytest.param(
            lambda uow, clinic: [
                uow.doctors.add_time_off(off := time_off(clinic.doctor.id)),
                uow.doctors.add_time_off(evolve(off, reason="another")),
            ],
            id="time off",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add_series(series := clinic.series()),
                uow.appointments.add_series(evolve(series, duration=60)),
            ],
            id="series",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.waitlist.add(entry := clinic.entry()),
                uow.waitlist.add(evolve(entry, urgent=True)),
            ],
            id="entry of the waitlist",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.waitlist.add(entry := clinic.entry()),
                uow.waitlist.add_offer(offer(visit := clinic.visit(), entry), visit),
                uow.waitlist.add_offer(
                    offer(other := clinic.visit("18:00-18:30"), entry), other
                ),
            ],
            id="open offer of an entry",
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
        pytest.param(
            lambda uow, clinic: uow.doctors.set_dated_hours(
                doctor().id, DAY, day_hours("09:00-12:00")
            ),
            id="the day of an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: uow.doctors.set_dated_hours(doctor().id, DAY, ()),
            id="the day without hours of an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: uow.doctors.add_time_off(time_off(doctor().id)),
            id="time off of an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: uow.appointments.add_series(
                clinic.series(doctor_id=doctor().id)
            ),
            id="a series with an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: uow.appointments.add_series(
                clinic.series(patient_id=patient().id)
            ),
            id="a series of an unknown patient",
        ),
        pytest.param(
            lambda uow, clinic: uow.appointments.add(
                clinic.visit(series_id=clinic.series().id)
            ),
            id="a visit of an unknown series",
        ),
        pytest.param(
            lambda uow, clinic: uow.waitlist.add(clinic.entry(doctor_id=doctor().id)),
            id="waiting for an unknown doctor",
        ),
        pytest.param(
            lambda uow, clinic: uow.waitlist.add(clinic.entry(patient_id=patient().id)),
            id="an unknown patient who waits",
        ),
        pytest.param(
            lambda uow, clinic: uow.waitlist.add(
                clinic.entry(appointment_id=clinic.visit().id)
            ),
            id="an entry with an unknown visit",
        ),
        pytest.param(
            lambda uow, clinic: uow.waitlist.add_offer(
                offer(visit := clinic.visit(), clinic.entry()), visit
            ),
            id="an offer to nobody",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add_series(clinic.series()),
                uow.doctors.remove(clinic.doctor.id),
            ],
            id="without the doctor of a series",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.appointments.add_series(clinic.series()),
                uow.patients.remove(clinic.patient.id),
            ],
            id="without the patient of a series",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.waitlist.add(clinic.entry(doctor_id=clinic.doctor.id)),
                uow.doctors.remove(clinic.doctor.id),
            ],
            id="without the doctor whom somebody waits for",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.waitlist.add(clinic.entry()),
                uow.patients.remove(clinic.patient.id),
            ],
            id="without the patient who waits",
        ),
        pytest.param(
            lambda uow, clinic: [
                uow.waitlist.add(entry := clinic.entry()),
                uow.waitlist.add_offer(offer(visit := clinic.visit(), entry), visit),
                uow.doctors.remove(clinic.doctor.id),
            ],
            id="without the doctor whose time is held",
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


ENDS: dict[str, Callable[[UnitOfWork, Busy, Offer], None]] = {
    "declined": lambda uow, busy, offered: uow.waitlist.end_offer(
        offered.ended(Outcome.DECLINED)
    ),
    "accepted": lambda uow, busy, offered: uow.waitlist.accept_offer(
        offered.ended(Outcome.ACCEPTED), evolve(busy.held, id=offered.id)
    ),
}
ends = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())


@ends
@pytest.mark.parametrize("first", ENDS.values(), ids=ENDS.keys())
def test_an_offer_is_ended_once(
    end: Callable[..., None], first: Callable[..., None], busy: Busy
) -> None:
    busy.clinic.commit(lambda uow: first(uow, busy, busy.offer))
    with busy.clinic.uow as uow:
        before = everything(uow)

    with pytest.raises(ContentionError) as refused:
        busy.clinic.commit(lambda uow: end(uow, busy, busy.offer))

    assert isinstance(refused.value.refusal, OfferNotOpenError)
    assert refused.value.refusal.record_id == busy.entry.id
    with busy.clinic.uow as uow:
        assert everything(uow) == before


def test_an_offer_whose_time_was_let_go_of_can_be_ended_and_not_accepted(
    busy: Busy,
) -> None:
    clinic = busy.clinic
    clinic.commit(lambda uow: uow.waitlist.let_go(busy.offer.id))
    with clinic.uow as uow:
        before = everything(uow)
        assert uow.waitlist.get_offer(busy.offer.id) == busy.offer

    with pytest.raises(ContentionError) as refused:
        clinic.commit(lambda uow: ENDS["accepted"](uow, busy, busy.offer))

    assert isinstance(refused.value.refusal, OfferNotOpenError)
    with clinic.uow as uow:
        assert everything(uow) == before
    clinic.store_visit("12:00-12:30")
    clinic.commit(lambda uow: ENDS["declined"](uow, busy, busy.offer))
    with clinic.uow as uow:
        assert uow.waitlist.open_offers_with(clinic.doctor.id) == ()


@ends
def test_an_offer_that_never_was_is_not_ended(
    end: Callable[..., None], busy: Busy
) -> None:
    stranger = offer(busy.clinic.visit("18:00-18:30"), busy.entry)

    with pytest.raises(ContentionError):
        busy.clinic.commit(lambda uow: end(uow, busy, stranger))


def test_who_has_an_open_offer_gets_no_second_one(busy: Busy) -> None:
    more = busy.clinic.visit("18:00-18:30")

    with pytest.raises(ContentionError):
        busy.clinic.commit(
            lambda uow: uow.waitlist.add_offer(offer(more, busy.entry), more)
        )

    with busy.clinic.uow as uow:
        found = uow.waitlist.offers_of([busy.entry.id])
        diary = uow.diaries.read([busy.clinic.doctor.id], [], more.span)
    assert {each.id for each in found} == {busy.declined.id, busy.offer.id}
    assert diary.busy == ()


def test_an_offer_that_was_ended_leaves_room_for_the_next_in_the_same_block(
    busy: Busy,
) -> None:
    again = busy.clinic.visit("12:00-12:30")

    busy.clinic.commit(
        lambda uow: uow.waitlist.end_offer(busy.offer.ended(Outcome.EXPIRED)),
        lambda uow: uow.waitlist.add_offer(offer(again, busy.entry), again),
    )

    with busy.clinic.uow as uow:
        [open_now] = uow.waitlist.open_offers_with(busy.clinic.doctor.id)
    assert open_now.id == again.id


def test_what_was_offered_stays_when_its_entry_is_closed(busy: Busy) -> None:
    withdrawn = busy.entry.withdrawn(NOW)

    busy.clinic.commit(
        lambda uow: uow.waitlist.end_offer(busy.offer.ended(Outcome.WITHDRAWN)),
        lambda uow: uow.waitlist.save(withdrawn),
    )

    with busy.clinic.uow as uow:
        found = uow.waitlist.offers_of([busy.entry.id])
    assert {each.outcome for each in found} == {Outcome.DECLINED, Outcome.WITHDRAWN}


def test_a_removed_entry_leaves_no_offers(busy: Busy) -> None:
    busy.clinic.commit(
        lambda uow: uow.waitlist.end_offer(busy.offer.ended(Outcome.WITHDRAWN)),
        lambda uow: uow.waitlist.remove(busy.entry.id),
    )

    with busy.clinic.uow as uow:
        assert uow.waitlist.offers_of([busy.entry.id]) == ()
        with pytest.raises(ContentionError):
            uow.waitlist.get_offer(busy.declined.id)


def test_a_removed_doctor_leaves_no_calendar(busy: Busy) -> None:
    doctor = busy.clinic.doctor
    busy.clinic.commit(
        lambda uow: uow.waitlist.end_offer(busy.offer.ended(Outcome.WITHDRAWN)),
        lambda uow: uow.doctors.remove(doctor.id),
    )
    busy.clinic.commit(lambda uow: uow.doctors.add(doctor))

    with busy.clinic.uow as uow:
        assert uow.doctors.dated_hours_of(doctor.id, DAY, DAY) == ()
        assert uow.doctors.time_off_of(doctor.id, DAY) == ()
        assert uow.waitlist.offers_of([busy.entry.id]) == ()
        assert uow.waitlist.get(busy.entry.id) == busy.entry


def test_what_is_offered_is_no_visit(busy: Busy) -> None:
    """It takes its time, and is found on the waitlist alone."""
    clinic = busy.clinic

    with clinic.uow as uow:
        assert uow.appointments.page(AppointmentFilter(), ALL).items == ()
        assert uow.patients.page([], ALL, clinic.doctor.id).items == ()
        belongings = uow.belongings.of(clinic.patient.id)
        assert belongings["appointments"] == ()
        assert belongings["waitlist"] == (busy.entry,)


def test_what_is_offered_moves_with_its_entry_and_is_told_with_it(
    busy: Busy,
) -> None:
    clinic = busy.clinic
    other = clinic.patients[1]

    with clinic.uow as uow:
        moved = uow.belongings.move(clinic.patient.id, other.id, NOW)
        uow.commit()

    assert moved == {
        "ai_intake_summaries": (busy.summary.id,),
        "appointment_series": (),
        "appointments": (),
        "cancellations": (),
        "intake_forms": (busy.form.id,),
        "waitlist": (busy.entry.id,),
    }
    with clinic.uow as uow:
        [waiting] = uow.waitlist.of_patient(other.id)
        diary = uow.diaries.read([], [clinic.patient.id, other.id], span("08:00-18:00"))
    assert (waiting.id, waiting.version) == (busy.entry.id, 2)
    [held] = diary.busy
    assert (held.appointment_id, held.patient_id) == (busy.offer.id, other.id)


def test_a_visit_is_not_moved_into_what_is_held_for_somebody_else(
    busy: Busy,
) -> None:
    clinic, other = busy.clinic, busy.clinic.patients[1]
    clinic.store_visit(
        "12:00-12:30", doctor_id=clinic.add_doctor().id, patient_id=other.id
    )

    with pytest.raises(ContentionError):
        clinic.commit(lambda uow: uow.belongings.move(clinic.patient.id, other.id, NOW))

    with clinic.uow as uow:
        assert uow.waitlist.of_patient(clinic.patient.id) == (busy.entry,)
