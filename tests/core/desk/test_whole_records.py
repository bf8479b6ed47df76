from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import booking, imports, register
from clinicflow_core.desk.booking import (
    CancelAppointment,
    OverrideRequest,
    ReinstateAppointment,
)
from clinicflow_core.desk.register import ChangePatient, MergePatients, RegisterPatient
from clinicflow_core.entities.appointment import CancellationType
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import ERASED_NAME
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    BookingConflictError,
    InvalidError,
    KeyReusedError,
    NotPermittedError,
    PatientErasedError,
    PatientHasVisitsError,
    PatientNotFoundError,
    Problem,
)
from clinicflow_core.interchange.lines import Form
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import doctor_is_busy
from clinicflow_core.wire import dump
from tests.builders import DAY, NOW, once, open_clinic, patient

ALL = PageRequest(limit=200)
PRIVATE = ("MARKER", "marker@example.org", "555-0199", "1980-12-31")
MARKER = RegisterPatient(
    first_name="MARKERa",
    last_name="MARKERb",
    email="marker@example.org",
    phone="555-0199",
    date_of_birth=date(1980, 12, 31),
)


def merge(clinic, kept, duplicate):
    wanted = MergePatients(duplicate_id=duplicate.id)
    return register.merge(kept.id, wanted, clinic.uow)


def visits_of(person, clinic):
    return booking.page(AppointmentFilter(patient_id=person.id), ALL, clinic.uow).items


def happened(record_id, clinic):
    with clinic.uow as uow:
        return uow.events.of(record_id)


def cancelled(visit, clinic, note="MARKER note"):
    request = CancelAppointment(
        cancellation_type=CancellationType.OTHER, reason_note=note
    )
    return booking.cancel(visit.id, request, clinic.uow)


def book(clinic, times, person, on=DAY, **fields):
    return booking.book(
        clinic.request(times, on, patient_id=person.id, **fields), clinic.uow
    )


class TestPossibleDuplicates:
    def test_who_may_be_the_same_is_told_by_id_when_registered_and_changed(
        self, clinic
    ):
        ann = RegisterPatient(
            first_name="Ann", last_name="Lee", date_of_birth=date(1980, 12, 31)
        )
        first = register.register(ann, clinic.uow)

        again = register.register(evolve(ann, first_name="Anne"), clinic.uow)
        changed = register.change(again.id, ChangePatient(last_name="Le"), clinic.uow)

        assert first.possible_duplicates == ()
        assert [d.patient_id for d in again.possible_duplicates] == [first.id]
        assert [d.patient_id for d in changed.possible_duplicates] == [first.id]
        assert register.get(again.id, clinic.uow) == changed.patient

    def test_nobody_of_another_clinic_is_told(self, clinic):
        other = open_clinic(clinic.store, name="Other")
        register.register(MARKER, other.uow)

        assert register.register(MARKER, clinic.uow).possible_duplicates == ()

    def test_an_import_stores_and_tells_whom_its_rows_resemble(self, clinic):
        known = register.register(MARKER, clinic.uow)
        text = (
            "id,first_name,last_name,date_of_birth\n"
            "r1,MARKERa,MARKERb,1980-12-31\n"
            "r2,Ole,Olsen,1955-05-05\n"
            "r3,Ole,Olsson,1955-05-05\n"
        )

        report = imported(text, clinic)

        assert (report.stored, report.resembling) == (3, 2)
        first, second = report.possible_duplicates
        assert (first.line, first.key, first.resembles_id) == (2, "r1", known.id)
        with clinic.uow as uow:
            keys = uow.origins.known("patient", ["r2", "r3"])
        assert (second.line, second.patient_id) == (4, keys["r3"])
        assert second.resembles_id == keys["r2"]

    def test_a_report_counts_all_and_tells_the_first(self, memory, monkeypatch):
        monkeypatch.setattr(imports, "MOST_TOLD", 1)
        clinic = open_clinic(memory)
        rows = "".join(f"r{n},Ole,Olsen,1955-05-05\n" for n in range(3))

        report = imported("id,first_name,last_name,date_of_birth\n" + rows, clinic)

        assert report.resembling == 2
        assert len(report.possible_duplicates) == 1


def imported(text, clinic):
    return imports.import_patients(
        io.BytesIO(text.encode()),
        Form.CSV,
        clinic.uow,
        refused=lambda _: None,
        progress=lambda _: None,
    )


class TestMerging:
    def test_everything_moves_and_nothing_is_lost(self, clinic, watch):
        kept, duplicate = clinic.patients
        own = book(clinic, "09:00-09:30", kept)
        theirs = book(clinic, "10:00-10:30", duplicate)
        given_up, _ = cancelled(book(clinic, "11:00-11:30", duplicate), clinic)
        detailed = register.change(
            duplicate.id, ChangePatient(phone="555-0199"), clinic.uow
        ).patient
        watch.at += timedelta(minutes=1)

        merged = merge(clinic, kept, duplicate)

        assert merged == evolve(kept, phone="555-0199", version=2, updated_at=watch.at)
        assert register.get(kept.id, clinic.uow) == merged
        moved = [
            evolve(
                visit,
                patient_id=kept.id,
                version=visit.version + 1,
                updated_at=watch.at,
            )
            for visit in (theirs, given_up)
        ]
        assert visits_of(kept, clinic) == (own, *moved)
        with clinic.uow as uow:
            [cancellation] = uow.appointments.cancellations_of(given_up.id)
            [shadow] = uow.patients.merged_into(kept.id)
        assert cancellation.patient_id == kept.id
        assert shadow == evolve(
            detailed, merged_into_id=kept.id, version=3, updated_at=watch.at
        )

    def test_both_trails_tell_of_it_by_ids_and_names_of_fields(self, clinic):
        kept, duplicate = clinic.patients
        visit = book(clinic, "10:00-10:30", duplicate)
        change = ChangePatient(email="marker@example.org", phone="555-0199")
        register.change(duplicate.id, change, clinic.uow)

        merge(clinic, kept, duplicate)

        into, of = happened(kept.id, clinic)[-1], happened(duplicate.id, clinic)[-1]
        assert (into.kind, into.facts) == (
            "patient.merged",
            {
                "duplicate_id": str(duplicate.id),
                "fields": ["email", "phone"],
                "moved": {"appointments": [str(visit.id)]},
            },
        )
        assert (of.kind, of.facts) == (
            "patient.merged-into",
            {"patient_id": str(kept.id)},
        )

    def test_what_the_patient_has_is_not_replaced(self, clinic):
        kept, duplicate = clinic.patients
        register.change(kept.id, ChangePatient(phone="1"), clinic.uow)
        register.change(duplicate.id, ChangePatient(phone="2"), clinic.uow)

        assert merge(clinic, kept, duplicate).phone == "1"

    def test_the_duplicate_is_nowhere_any_more(self, clinic):
        kept, duplicate = clinic.patients
        merge(clinic, kept, duplicate)

        for act in (
            lambda: register.get(duplicate.id, clinic.uow),
            lambda: register.change(duplicate.id, ChangePatient(phone="1"), clinic.uow),
            lambda: register.remove(duplicate.id, clinic.uow),
            lambda: register.export(duplicate.id, clinic.uow),
            lambda: register.erase(duplicate.id, clinic.uow),
            lambda: book(clinic, "09:00-09:30", duplicate),
            lambda: merge(clinic, kept, duplicate),
            lambda: merge(clinic, duplicate, kept),
        ):
            with pytest.raises(PatientNotFoundError) as refusal:
                act()
            assert refusal.value.record_id == duplicate.id
        assert register.find("", ALL, clinic.uow).items == (
            register.get(kept.id, clinic.uow),
        )
        named = RegisterPatient(first_name="Pat", last_name=duplicate.last_name)
        likely = register.register(named, clinic.uow).possible_duplicates
        assert duplicate.id not in [each.patient_id for each in likely]

    def test_who_was_merged_twice_ends_with_the_last_one(self, clinic):
        first, second = clinic.patients
        third = clinic.add_patient()
        merge(clinic, second, first)

        merge(clinic, third, second)

        with clinic.uow as uow:
            shadows = uow.patients.merged_into(third.id)
        assert {shadow.id for shadow in shadows} == {first.id, second.id}

    def test_an_import_knows_the_duplicates_keys_as_the_patients(self, clinic):
        text = "id,first_name,last_name\nr1,Ole,Olsen\nr2,Ole,Olson\n"
        imported(text, clinic)
        ole, olson = register.find("ole", ALL, clinic.uow).items

        merge(clinic, ole, olson)

        assert imported(text, clinic).already_there == 2
        with clinic.uow as uow:
            assert uow.origins.of("patient", ole.id) == ("r1", "r2")

    def test_a_place_on_the_waitlist_moves_with_what_is_offered(self, clinic):
        kept, duplicate = clinic.patients
        entry = clinic.store_entry(patient_id=duplicate.id, note="calls back")
        offered = clinic.store_offer("12:00-12:30", entry)

        merge(clinic, kept, duplicate)

        with clinic.uow as uow:
            [moved] = uow.waitlist.of_patient(kept.id)
            assert uow.waitlist.offers_of([entry.id]) == (offered,)
        assert moved == evolve(entry, patient_id=kept.id, version=2)
        [into] = (
            event
            for event in happened(kept.id, clinic)
            if event.kind == "patient.merged"
        )
        assert into.facts["moved"] == {"waitlist": [str(entry.id)]}
        with pytest.raises(BookingConflictError):
            book(clinic, "12:00-12:30", kept, doctor_id=clinic.add_doctor().id)

    def test_what_is_offered_to_one_at_the_time_of_a_visit_of_the_other_is_in_the_way(
        self, clinic
    ):
        kept, duplicate = clinic.patients
        clinic.store_offer("12:00-12:30", clinic.store_entry(patient_id=duplicate.id))
        book(clinic, "12:00-12:30", kept, doctor_id=clinic.add_doctor().id)

        with pytest.raises(BookingConflictError):
            merge(clinic, kept, duplicate)

    def test_what_nobody_accepted_in_time_is_in_nobodys_way(self, clinic):
        kept, duplicate = clinic.patients
        entry = clinic.store_entry(patient_id=duplicate.id)
        lapsed = clinic.store_offer("12:00-12:30", entry, expires_at=NOW)
        book(clinic, "12:00-12:30", kept, doctor_id=clinic.add_doctor().id)

        merge(clinic, kept, duplicate)

        with clinic.uow as uow:
            assert [each.id for each in uow.waitlist.of_patient(kept.id)] == [entry.id]
            assert uow.waitlist.offers_of([entry.id]) == (lapsed,)

    def test_two_who_were_seen_at_one_time_are_two(self, clinic):
        kept, duplicate = clinic.patients
        other = clinic.add_doctor()
        own = book(clinic, "09:00-09:30", kept)
        theirs = book(clinic, "09:29-10:00", duplicate, doctor_id=other.id)

        with pytest.raises(BookingConflictError) as refusal:
            merge(clinic, kept, duplicate)

        [conflict] = refusal.value.conflicts
        assert (conflict.kind.value, conflict.overridable) == ("patient-busy", False)
        assert conflict.starts_at == theirs.starts_at
        assert visits_of(kept, clinic) == (own,)
        assert visits_of(duplicate, clinic) == (theirs,)
        assert register.get(duplicate.id, clinic.uow) == duplicate

    def test_visits_that_touch_or_hold_no_time_are_in_nobodys_way(self, clinic):
        kept, duplicate = clinic.patients
        other = clinic.add_doctor()
        book(clinic, "09:00-09:30", kept)
        book(clinic, "09:30-10:00", duplicate)
        cancelled(book(clinic, "09:00-09:30", duplicate, doctor_id=other.id), clinic)

        merge(clinic, kept, duplicate)

        assert len(visits_of(kept, clinic)) == 3

    def test_the_store_refuses_what_slipped_past_the_rule(self, clinic, monkeypatch):
        kept, duplicate = clinic.patients
        other = clinic.add_doctor()
        own = book(clinic, "09:00-09:30", kept)
        book(clinic, "09:00-09:30", duplicate, doctor_id=other.id)
        monkeypatch.setattr(register, "_at_once", lambda *_: ())

        with pytest.raises(BookingConflictError):
            merge(clinic, kept, duplicate)

        assert visits_of(kept, clinic) == (own,)
        assert register.get(duplicate.id, clinic.uow) == duplicate

    def test_nobody_is_a_duplicate_of_himself(self, clinic):
        with pytest.raises(InvalidError) as refusal:
            merge(clinic, clinic.patient, clinic.patient)

        problem = Problem("/duplicate_id", "must be another patient")
        assert refusal.value.problems == (problem,)

    def test_nobody_of_another_clinic_is_merged(self, clinic):
        theirs = open_clinic(clinic.store, name="Other").patient

        for stranger in (theirs, patient(id=PatientId(uuid4()))):
            with pytest.raises(PatientNotFoundError):
                merge(clinic, clinic.patient, stranger)

    def test_nobody_who_was_erased_is_merged(self, clinic):
        kept, gone = clinic.patients
        register.erase(gone.id, clinic.uow)

        for pair in [(kept, gone), (gone, kept)]:
            with pytest.raises(PatientErasedError):
                merge(clinic, *pair)

    def test_who_is_removed_takes_along_who_was_merged(self, clinic):
        kept, duplicate = clinic.patients
        merge(clinic, kept, duplicate)

        register.remove(kept.id, clinic.uow)

        with clinic.uow as uow:
            assert uow.patients.merged_into(kept.id) == ()


@pytest.mark.parametrize("shared_store", ["memory", "postgresql"], indirect=True)
def test_nobody_books_for_a_duplicate_while_it_is_merged(clinic):
    kept, duplicate = clinic.patients
    booking_began, let_go_on = threading.Event(), threading.Event()

    def at_leisure(proposed, diary):
        booking_began.set()
        let_go_on.wait(5)
        yield from doctor_is_busy(proposed, diary)

    def booker():
        request = clinic.request(patient_id=duplicate.id)
        return booking.book(request, clinic.unit_of_work(), [at_leisure])

    def late_booker():
        request = clinic.request("12:00-12:30", patient_id=duplicate.id)
        try:
            return booking.book(request, clinic.unit_of_work())
        except PatientNotFoundError as refused:
            return refused

    def merger():
        wanted = MergePatients(duplicate_id=duplicate.id)
        return register.merge(kept.id, wanted, clinic.unit_of_work())

    with ThreadPoolExecutor() as pool:
        booked = pool.submit(booker)
        booking_began.wait(5)
        merged = pool.submit(merger)
        merged_too_soon = wait_a_little(merged)
        late = pool.submit(late_booker)
        let_go_on.set()
        visit = booked.result()
        merged.result()
        outcome = late.result()

    assert not merged_too_soon
    seen = {each.id for each in visits_of(kept, clinic)}
    assert visit.id in seen
    assert isinstance(outcome, PatientNotFoundError) or outcome.id in seen
    assert visits_of(duplicate, clinic) == ()


def wait_a_little(future):
    try:
        future.result(timeout=0.3)
    except TimeoutError:
        return False
    return True


class TestExporting:
    def test_the_whole_record_is_given_out(self, clinic):
        kept, duplicate = clinic.patients
        visit = book(clinic, "09:00-09:30", kept)
        theirs, cancellation = cancelled(book(clinic, "10:00-10:30", duplicate), clinic)
        imported("id,first_name,last_name\nr1,Pat,Nr003\n", clinic)
        [third] = register.find("nr003", ALL, clinic.uow).items
        merge(clinic, kept, duplicate)
        merge(clinic, kept, third)

        record = register.export(kept.id, clinic.uow)

        assert json.loads(json.dumps(record)) == record
        assert record["patient"] == dump(register.get(kept.id, clinic.uow))
        names = {person["full_name"] for person in record["merged"]}
        assert names == {"Pat Nr002", "Pat Nr003"}
        assert {v["id"] for v in record["appointments"]} == {
            str(visit.id),
            str(theirs.id),
        }
        [kept_reason] = record["cancellations"]
        assert kept_reason["reason_note"] == "MARKER note"
        assert kept_reason["id"] == str(cancellation.id)
        assert record["intake_forms"] == record["ai_intake_summaries"] == []
        assert record["origins"] == ["r1"]
        kinds = [event["kind"] for event in record["events"]]
        assert sorted(set(kinds)) == [
            "appointment.booked",
            "appointment.cancelled",
            "patient.imported",
            "patient.merged",
            "patient.merged-into",
        ]
        told = [event.kind for event in happened(kept.id, clinic)]
        assert "patient.exported" in told

    def test_only_those_who_keep_the_register_give_records_out(self, memory):
        clinic = open_clinic(memory)

        with pytest.raises(NotPermittedError):
            register.export(clinic.patient.id, clinic.by(Role.DOCTOR))
        with pytest.raises(PatientNotFoundError):
            register.export(PatientId(uuid4()), clinic.uow)


class TestErasing:
    def test_nothing_personal_stays(self, clinic, watch):
        registered = clinic.unit_of_work(once("key-1", answer=None))
        marker = register.register(MARKER, registered).patient
        shadow = register.register(MARKER, clinic.uow).patient
        visit = book(clinic, "09:00-09:30", marker, meeting_link="https://x.org/MARKER")
        theirs, cancellation = cancelled(book(clinic, "10:00-10:30", shadow), clinic)
        squeezed = book(
            clinic,
            "09:00-09:30",
            clinic.patient,
            override=OverrideRequest(reason="kept"),
        )
        booking.complete(visit.id, clinic.uow)
        merge(clinic, marker, shadow)
        watch.at += timedelta(days=30)

        erased = register.erase(marker.id, clinic.uow)

        assert (erased.full_name, erased.erased_at) == ("erased erased", watch.at)
        assert register.get(marker.id, clinic.uow) == erased
        record = register.export(marker.id, clinic.uow)
        for event in record.pop("events"):
            assert not any(word in json.dumps(event["facts"]) for word in PRIVATE)
        told = json.dumps(record)
        assert not any(word in told for word in PRIVATE)
        assert {v["id"] for v in record["appointments"]} == {
            str(visit.id),
            str(theirs.id),
        }
        [kept] = record["cancellations"]
        assert (kept["id"], kept["reason_note"]) == (str(cancellation.id), None)
        assert [p["full_name"] for p in record["merged"]] == ["erased erased"]
        assert booking.get(squeezed.id, clinic.uow) == squeezed
        told = [(event.kind, event.facts) for event in happened(marker.id, clinic)]
        assert ("patient.erased", {"merged": [str(shadow.id)]}) in told

    def test_an_override_keeps_what_it_allowed_and_not_why(self, clinic, watch):
        marker = register.register(MARKER, clinic.uow).patient
        book(clinic, "09:00-09:30", clinic.patient)
        squeezed = book(
            clinic, "09:00-09:30", marker, override=OverrideRequest(reason="MARKER")
        )
        watch.at += timedelta(days=30)

        register.erase(marker.id, clinic.uow)

        after = booking.get(squeezed.id, clinic.uow)
        assert after.override == evolve(squeezed.override, reason="erased")
        assert (after.version, after.updated_at) == (2, watch.at)

    def test_who_was_erased_is_read_and_neither_found_nor_changed(self, clinic):
        visit = book(clinic, "09:00-09:30", clinic.patient)
        cancelled(visit, clinic)
        erased = register.erase(clinic.patient.id, clinic.uow)

        for act in (
            lambda: register.change(erased.id, ChangePatient(phone="1"), clinic.uow),
            lambda: book(clinic, "09:00-09:30", erased),
            lambda: booking.check(clinic.request(), clinic.uow),
            lambda: booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow),
        ):
            with pytest.raises(PatientErasedError) as refusal:
                act()
            assert refusal.value.record_id == erased.id
        assert register.get(erased.id, clinic.uow) == erased
        for words in ("", ERASED_NAME, "pat nr001"):
            found = register.find(words, ALL, clinic.uow).items
            assert erased.id not in [person.id for person in found]
        twin = RegisterPatient(first_name=ERASED_NAME, last_name=ERASED_NAME)
        assert register.register(twin, clinic.uow).possible_duplicates == ()

    def test_erasing_again_changes_nothing(self, clinic):
        erased = register.erase(clinic.patient.id, clinic.uow)

        assert register.erase(clinic.patient.id, clinic.uow) == erased
        kinds = [event.kind for event in happened(erased.id, clinic)]
        assert kinds.count("patient.erased") == 1

    @pytest.mark.parametrize("overbooked", [False, True])
    def test_who_is_still_to_come_stays(self, clinic, overbooked):
        override = None
        if overbooked:
            book(clinic, "09:00-09:30", clinic.patients[1])
            override = OverrideRequest(reason="an emergency")
        visit = book(clinic, "09:00-09:30", clinic.patient, override=override)

        with pytest.raises(PatientHasVisitsError) as refusal:
            register.erase(clinic.patient.id, clinic.uow)

        assert refusal.value.appointment_ids == (visit.id,)
        assert register.get(clinic.patient.id, clinic.uow) == clinic.patient

    def test_an_answer_that_names_the_patient_is_given_no_more(self, clinic):
        key = once("key-1")
        marker = register.register(MARKER, clinic.unit_of_work(key)).patient
        other = once("key-2")
        register.register(MARKER, clinic.unit_of_work(other))

        register.erase(marker.id, clinic.uow)

        with pytest.raises(KeyReusedError):
            register.register(MARKER, clinic.unit_of_work(key))
        with pytest.raises(AlreadyAnsweredError):
            register.register(MARKER, clinic.unit_of_work(other))

    def test_an_import_no_longer_knows_the_patient(self, clinic):
        text = "id,first_name,last_name\nr1,Ole,Olsen\n"
        imported(text, clinic)
        [ole] = register.find("ole", ALL, clinic.uow).items

        register.erase(ole.id, clinic.uow)

        assert imported(text, clinic).stored == 1

    def test_no_past_visit_of_an_erased_patient_is_imported(self, clinic):
        register.erase(clinic.patient.id, clinic.uow)
        day = (NOW - timedelta(days=2)).date()
        text = (
            "doctor_id,patient_id,date,start_time,duration\n"
            f"{clinic.doctor.id},{clinic.patient.id},{day},09:00,30\n"
        )
        report = imports.import_visits(
            io.BytesIO(text.encode()),
            Form.CSV,
            clinic.uow,
            refused=lambda _: None,
            progress=lambda _: None,
        )

        assert report.reasons == {"unknown-patient": 1}

    def test_only_the_owner_erases(self, memory):
        clinic = open_clinic(memory)

        for role in (Role.ADMIN, Role.DOCTOR):
            with pytest.raises(NotPermittedError, match="erase patients"):
                register.erase(clinic.patient.id, clinic.by(role))
        assert register.erase(clinic.patient.id, clinic.by(Role.OWNER)).erased_at


def test_a_doctor_merges_nobody(memory):
    clinic = open_clinic(memory)
    uow = clinic.by(Role.DOCTOR)
    wanted = MergePatients(duplicate_id=clinic.patients[1].id)

    with pytest.raises(NotPermittedError, match="register and change patients"):
        register.merge(clinic.patient.id, wanted, uow)
