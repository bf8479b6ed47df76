from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from clinicflow_core.desk import booking, imports
from clinicflow_core.desk import doctors as doctors_desk
from clinicflow_core.desk.booking import CancelAppointment
from clinicflow_core.desk.imports import (
    BATCH_ROWS,
    import_doctors,
    import_patients,
    import_visits,
    writing_to,
)
from clinicflow_core.entities.appointment import CancellationType, IntakeStatus, Status
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    ContentionError,
    InvalidError,
    NotPermittedError,
    StoreBusyError,
)
from clinicflow_core.interchange.lines import Form, form_of
from clinicflow_core.ports import AppointmentFilter, PageRequest
from tests.builders import DAY, NOW, open_clinic

SAMPLES = Path(__file__).parents[2] / "data" / "synthea"
YESTERDAY = DAY - timedelta(days=2)
ALL = PageRequest(limit=10_000)

# What is refused before any store sees it.
in_memory = pytest.mark.parametrize("shared_store", ["memory"], indirect=True)


class Desk:
    """Imports into one clinic, and remembers what it was told."""

    def __init__(self, uow):
        self.uow = uow
        self.refused = []
        self.progress = []

    def _run(self, act, text, form):
        self.refused, self.progress = [], []
        report = act(
            io.BytesIO(text),
            form,
            self.uow,
            refused=self.refused.append,
            progress=self.progress.append,
        )
        assert report.read == report.stored + report.already_there + report.refused
        assert report.refused == len(self.refused) == sum(report.reasons.values())
        return report

    def doctors(self, text, form=Form.NDJSON):
        return self._run(import_doctors, text, form)

    def patients(self, text, form=Form.NDJSON):
        return self._run(import_patients, text, form)

    def visits(self, text, form=Form.NDJSON):
        return self._run(import_visits, text, form)

    @property
    def details(self):
        return [(r.line, r.reason.value, r.detail) for r in self.refused]

    def stored_patients(self):
        with self.uow:
            return self.uow.patients.page([], ALL).items

    def stored_doctors(self):
        with self.uow:
            return self.uow.doctors.page(ALL).items

    def stored_visits(self):
        with self.uow:
            return self.uow.appointments.page(AppointmentFilter(), ALL).items


@pytest.fixture
def desk(clinic):
    return Desk(clinic.system("import"))


def counts(report):
    return (report.read, report.stored, report.already_there, report.refused)


def lines(*resources):
    return b"".join(
        r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in resources
    )


def patient(key="p1", family="Lee", **parts):
    name = [{"family": family, "given": ["Ann"]}]
    return {"resourceType": "Patient", "id": key, "name": name, **parts}


def practitioner(key="d1", family="Yundt"):
    name = [{"family": family, "given": ["Keeley"], "prefix": ["Dr."]}]
    return {"resourceType": "Practitioner", "id": key, "name": name}


def encounter(
    key="e1",
    times="09:00:30-09:30:30",
    doctor="d1",
    patient="p1",
    on=YESTERDAY,
    **parts,
):
    start, end = times.split("-")
    return {
        "resourceType": "Encounter",
        "id": key,
        "status": "finished",
        "subject": {"reference": f"Patient/{patient}"},
        "participant": [{"individual": {"reference": f"Practitioner/{doctor}"}}],
        "period": {"start": f"{on}T{start}-05:00", "end": f"{on}T{end}-05:00"},
        **parts,
    }


def table(header, *rows):
    return "\n".join([header, *rows, ""]).encode()


@pytest.fixture
def staffed(desk):
    """The desk of a clinic in which two doctors and two patients were imported."""
    desk.doctors(lines(practitioner("d1"), practitioner("d2", "Haddad")))
    desk.patients(lines(patient("p1"), patient("p2", "Moss")))
    return desk


def test_a_synthetic_clinic_comes_in_whole_and_importing_it_again_adds_nothing(desk):
    def import_all():
        return [
            desk.doctors((SAMPLES / "practitioners.ndjson").read_bytes()),
            desk.patients((SAMPLES / "patients.ndjson").read_bytes()),
            desk.visits((SAMPLES / "encounters.ndjson").read_bytes()),
        ]

    reasons = {"no-practitioner": 23, "overlap": 57, "too-long": 21}

    first = import_all()
    refused = desk.details
    again = import_all()

    assert [counts(report) for report in first] == [
        (88, 88, 0, 0),
        (200, 200, 0, 0),
        (600, 499, 0, 101),
    ]
    assert [counts(report) for report in again] == [
        (88, 0, 88, 0),
        (200, 0, 200, 0),
        (600, 0, 499, 101),
    ]
    assert first[2].reasons == again[2].reasons == reasons
    assert desk.details == refused
    assert desk.progress == [200, 400, 600]


def test_an_imported_patient_is_as_the_file_says(desk):
    telecom = [
        {"system": "phone", "value": "555-1"},
        {"system": "email", "value": "ann@x.org"},
    ]
    desk.patients(lines(patient(telecom=telecom, birthDate="1970-05-31")))

    [ann] = [p for p in desk.stored_patients() if p.last_name == "Lee"]

    assert ann.first_name == "Ann"
    assert (ann.email, ann.phone) == ("ann@x.org", "555-1")
    assert ann.date_of_birth == date(1970, 5, 31)


def test_an_imported_doctor_is_as_the_file_says(desk):
    desk.doctors(
        table("name;initials;specialty;color", "Dr. Mia Wu;MW;Dermatology;#4A90A4"),
        Form.CSV,
    )

    [mia] = [d for d in desk.stored_doctors() if d.name == "Dr. Mia Wu"]

    assert (mia.initials, mia.specialty, mia.color) == ("MW", "Dermatology", "#4A90A4")


def test_an_imported_visit_is_over_and_keeps_its_time_to_the_second(staffed):
    staffed.visits(lines(encounter()))

    [visit] = staffed.stored_visits()

    assert visit.status is Status.COMPLETED
    assert visit.intake_status is IntakeStatus.MISSING
    assert not visit.arrived
    assert (visit.date, visit.start_time, visit.end_time, visit.duration) == (
        YESTERDAY,
        time(9, 0, 30),
        time(9, 30, 30),
        30,
    )
    assert visit.starts_at == datetime(2026, 2, 28, 14, 0, 30, tzinfo=UTC)


def test_what_was_imported_is_in_the_trail(staffed):
    staffed.visits(lines(encounter()))
    [visit] = staffed.stored_visits()

    with staffed.uow as uow:
        trail = [
            uow.events.of(i) for i in (visit.id, visit.doctor_id, visit.patient_id)
        ]

    assert [[event.kind for event in events] for events in trail] == [
        ["appointment.imported"],
        ["doctor.imported"],
        ["patient.imported"],
    ]
    assert trail[0][0].actor == "import"
    assert trail[0][0].facts == {
        "doctor_id": str(visit.doctor_id),
        "patient_id": str(visit.patient_id),
        "starts_at": "2026-02-28T14:00:30+00:00",
        "duration": 30,
    }


def test_the_second_row_with_the_same_id_is_there_already(desk):
    report = desk.patients(lines(patient("p1"), patient("p1"), patient("p2")))

    assert counts(report) == (3, 2, 1, 0)


def test_after_a_refused_row_another_one_with_its_id_is_tried(desk):
    report = desk.patients(lines(patient("p1", birthDate="2999-01-01"), patient("p1")))

    assert counts(report) == (2, 1, 0, 1)


def test_a_row_without_an_id_comes_in_once(desk):
    text = table("last_name,first_name", "Lee,Ann", "Lee , Ann", "Lee,Bob")
    turned = table("first_name,last_name", "Ann,Lee", "Ann,Moss")

    assert counts(desk.patients(text, Form.CSV)) == (3, 2, 1, 0)
    assert counts(desk.patients(turned, Form.CSV)) == (2, 1, 1, 0)


def test_each_kind_has_its_own_ids(desk):
    assert counts(desk.doctors(lines(practitioner("x")))) == (1, 1, 0, 0)
    assert counts(desk.patients(lines(patient("x")))) == (1, 1, 0, 0)


def bad_line(**parts):
    return lines(patient("bad", **parts))


BAD_PATIENTS = [
    pytest.param(b'{"resourceType": "Patient", "na\n', "unreadable", id="truncated"),
    pytest.param(b'{"id": "\xff"}\n', "unreadable", id="not UTF-8"),
    pytest.param(b'{"id": NaN}\n', "unreadable", id="NaN"),
    pytest.param(b'{"id": "1", "id": "2"}\n', "unreadable", id="a key twice"),
    pytest.param(b"[" * 10_000 + b"\n", "unreadable", id="10,000 brackets"),
    pytest.param(bad_line(note="x" * 2_000_000), "too-large", id="2 MB"),
    pytest.param(b"{}\n", "invalid", id="an empty object"),
    pytest.param(b"[]\n", "invalid", id="a list"),
    pytest.param(lines({"resourceType": "Spaceship"}), "not-a-patient", id="a type"),
    pytest.param(bad_line(family="L\0e"), "invalid", id="NUL in a name"),
    pytest.param(bad_line(family="\ud800"), "invalid", id="half a surrogate pair"),
    pytest.param(bad_line(family=7), "invalid", id="a number as a name"),
    pytest.param(bad_line(family="x" * 101), "invalid", id="a long name"),
    pytest.param(bad_line(name=[]), "invalid", id="no name"),
    pytest.param(bad_line(birthDate="0000-01-01"), "invalid", id="year 0000"),
    pytest.param(bad_line(birthDate="2999-01-01"), "invalid", id="unborn"),
    pytest.param(bad_line(birthDate="1970"), "partial-date", id="only a year"),
    pytest.param(
        bad_line(telecom=[{"system": "email", "value": "ann at x"}]),
        "invalid",
        id="no e-mail address",
    ),
    pytest.param(
        bad_line(telecom=[{"system": "phone", "value": "1" * 21}]),
        "invalid",
        id="a long phone number",
    ),
]


@in_memory
@pytest.mark.parametrize(("bad", "reason"), BAD_PATIENTS)
def test_a_bad_line_is_refused_alone_with_its_number_and_as_it_stood(desk, bad, reason):
    report = desk.patients(lines(patient("p1"), bad, patient("p2")))

    assert counts(report) == (3, 2, 0, 1)
    assert report.reasons == {reason: 1}
    [refusal] = desk.refused
    assert (refusal.line, refusal.reason.value) == (2, reason)
    assert refusal.text == bad.rstrip(b"\n")
    assert refusal.detail.endswith(".")
    assert "Ann" not in repr(refusal)


def test_all_bad_lines_together_leave_the_good_ones(desk):
    bad = [parameter.values[0] for parameter in BAD_PATIENTS]
    rows = [row for n, b in enumerate(bad) for row in (b, patient(f"good-{n}"))]

    report = desk.patients(lines(*rows).removesuffix(b"\n"))

    assert counts(report) == (2 * len(bad), len(bad), 0, len(bad))
    assert [refusal.line for refusal in desk.refused] == list(range(1, 2 * len(bad), 2))
    with desk.uow as uow:
        keys = uow.origins.known("patient", [f"good-{n}" for n in range(len(bad))])
    assert {p.id for p in desk.stored_patients()} >= set(keys.values())
    assert len(keys) == len(bad)


def test_a_bad_csv_row_is_refused_alone(desk):
    text = (
        b"\xef\xbb\xbffirst_name,last_name,email,phone,date_of_birth\r\n"
        b"Ann,Lee,ann@x.org,555-1,1970-05-31\r\n"
        b"Ann,Lee\r\n"
        b"A\xffn,Lee,,,\r\n"
        b"A\0n,Lee,,,\r\n"
        b",Lee,,,\r\n"
        b"\r\n"
        b"Bea,Moss,bea at x,,\r\n"
        b"Bea,Moss,,123456789012345678901,\r\n"
        b"Bea,Moss,,,31.12.1980\r\n"
        b'"Bea",Moss,,,1980-12-31\r\n'
        b'"Bea,Moss,,,\r\n'
        b"Cy,Moss,,,"
    )

    report = desk.patients(text, Form.CSV)

    assert counts(report) == (10, 2, 0, 8)
    assert [(line, reason) for line, reason, _ in desk.details] == [
        (3, "invalid"),
        (4, "unreadable"),
        (5, "invalid"),
        (6, "invalid"),
        (8, "invalid"),
        (9, "invalid"),
        (10, "invalid"),
        (12, "unreadable"),
    ]
    assert desk.refused[3].detail == "/first_name: is required."


@pytest.mark.parametrize("form", Form)
def test_an_empty_file_is_no_mistake(desk, form):
    assert counts(desk.patients(b"", form)) == (0, 0, 0, 0)
    assert desk.progress == []


def test_a_table_with_unknown_columns_is_refused_whole(desk):
    before = desk.stored_patients()

    with pytest.raises(InvalidError, match="shoe_size"):
        desk.patients(table("first_name,last_name,shoe_size", "Ann,Lee,7"), Form.CSV)

    assert desk.stored_patients() == before


def test_a_bundle_comes_in_entry_by_entry(desk):
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:p1", "resource": patient("p1")},
            {"resource": {"resourceType": "Organization", "id": "o1"}},
            {"resource": patient("p2")},
        ],
    }
    text = json.dumps(bundle, indent=1).encode()

    report = desk.patients(text, form_of("bundle.json", text))

    assert counts(report) == (3, 2, 0, 1)
    assert report.reasons == {"not-a-patient": 1}


@pytest.mark.parametrize(
    ("text", "form", "mend", "unmended"),
    [
        pytest.param(
            lines(patient("p1", family=7), patient("p2"), b'{"resourceType": "Pat\n'),
            Form.NDJSON,
            (b"7", b'"Lee"'),
            1,
            id="NDJSON",
        ),
        pytest.param(
            json.dumps(
                {
                    "resourceType": "Bundle",
                    "entry": [
                        {"resource": patient("p1", family=7)},
                        {"resource": patient("p2", family=7)},
                    ],
                },
                indent=2,
            ).encode(),
            Form.JSON,
            (b"7", b'"Lee"'),
            0,
            id="a Bundle",
        ),
        pytest.param(
            table("id;last_name;first_name", "p1;;Ann", "p2;Lee;Ann", 'p3;"";"A\nn"'),
            Form.CSV,
            (b"p1;;", b"p1;Lee;"),
            1,
            id="CSV",
        ),
    ],
)
def test_refused_rows_can_be_mended_and_imported_again(
    desk, text, form, mend, unmended
):
    first = desk.patients(text, form)
    rows = io.BytesIO()
    write = writing_to(rows)
    for refusal in desk.refused:
        write(refusal)
    mended = rows.getvalue().replace(*mend)

    again = desk.patients(mended, form_of("refused", mended))

    assert again.read == first.refused
    assert again.refused == unmended
    assert again.already_there == 0


def test_of_two_visits_that_overlap_the_first_in_the_file_stands(staffed):
    report = staffed.visits(
        lines(
            encounter("e1", "10:00:00-10:30:00"),
            encounter("e2", "09:45:00-10:01:00", patient="p2"),
            encounter("e3", "10:29:00-10:40:00", doctor="d2"),
            encounter("e4", "10:30:00-10:40:00"),
            encounter("e5", "09:45:00-10:01:00", doctor="d2", patient="p2"),
        )
    )

    assert counts(report) == (5, 3, 0, 2)
    assert staffed.details == [
        (2, "overlap", "The doctor has a visit from 10:00 to 10:30."),
        (3, "overlap", "The patient has a visit from 10:00 to 10:30."),
    ]


@pytest.mark.parametrize("first", ["09:00:00-09:10:00", "09:40:00-10:40:00"])
def test_visits_of_different_imports_do_not_overlap_either(staffed, first):
    staffed.visits(lines(encounter("e1", "09:30:00-10:30:00")))

    report = staffed.visits(
        lines(encounter("e2", first), encounter("e3", "10:29:00-11:00:00"))
    )

    assert report.reasons == {"overlap": 1 + (first > "09:30")}


def test_an_imported_visit_gives_way_to_a_booked_one_unless_that_was_cancelled(
    clinic, staffed
):
    who = {"doctor": clinic.doctor.id, "patient": clinic.patient.id}
    rows = lines(encounter("e1", "09:15:00-09:45:00", **who))
    booked = clinic.store_visit("09:00-09:30", on=YESTERDAY)

    refused = staffed.visits(rows)
    booking.cancel(
        booked.id,
        CancelAppointment(cancellation_type=CancellationType.OTHER),
        clinic.uow,
    )
    stored = staffed.visits(rows)

    assert refused.reasons == {"overlap": 1}
    assert stored.stored == 1


def test_history_is_not_judged_on_working_hours(staffed):
    assert staffed.visits(lines(encounter(times="03:00:00-03:30:00"))).stored == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(encounter(doctor="d9"), "unknown-practitioner", id="doctor"),
        pytest.param(
            encounter(doctor=str(uuid4())), "unknown-practitioner", id="no such doctor"
        ),
        pytest.param(encounter(patient="p9"), "unknown-patient", id="patient"),
        pytest.param(
            encounter(patient=str(uuid4())), "unknown-patient", id="no such patient"
        ),
        pytest.param(encounter(participant=[]), "no-practitioner", id="no doctor"),
        pytest.param(
            encounter(on=DAY, times="09:00:00-09:30:00"), "in-the-future", id="tomorrow"
        ),
        pytest.param(
            encounter(on=NOW.date(), times="06:59:00-07:01:00"),
            "in-the-future",
            id="not over yet",
        ),
        pytest.param(
            encounter(on=date(1899, 12, 31), times="09:00:00-09:30:00"),
            "invalid",
            id="ages ago",
        ),
        pytest.param(
            encounter(
                period={"start": "0001-01-01T00:00:00Z", "end": "0001-01-01T00:30:00Z"}
            ),
            "invalid",
            id="the beginning of the calendar",
        ),
    ],
)
def test_a_visit_that_cannot_stand_is_refused_by_name(staffed, row, reason):
    report = staffed.visits(lines(row, encounter("e2", "11:00:00-11:30:00")))

    assert report.reasons == {reason: 1}
    assert report.stored == 1


def test_visits_come_in_from_a_table_by_instants(staffed):
    report = staffed.visits(
        table(
            "id,doctor_id,patient_id,starts_at,ends_at",
            "v1,d1,p1,2026-02-28T09:00:30-05:00,2026-02-28T09:30:30-05:00",
            "v2,,p1,2026-02-28T09:00:30-05:00,2026-02-28T09:30:30-05:00",
        ),
        Form.CSV,
    )

    assert report.reasons == {"no-practitioner": 1}
    assert [visit.start_time for visit in staffed.stored_visits()] == [time(9, 0, 30)]


def test_visits_come_in_from_a_table_by_the_clinics_clock_and_ids(clinic, desk):
    who = f"{clinic.doctor.id},{clinic.patient.id}"
    report = desk.visits(
        table(
            "doctor_id,patient_id,date,start_time,duration",
            f"{who},2026-02-28,09:00,30",
            f"{who},2025-03-09,02:30,30",
            f"{who},2026-02-28,09:30,30",
            f"{who},2026-02-28,09:00,30",
        ),
        Form.CSV,
    )

    assert counts(report) == (4, 2, 1, 1)
    assert desk.details == [
        (
            3,
            "no-such-local-time",
            "/start_time: There is no such time that day in America/New_York.",
        )
    ]
    assert {visit.doctor_id for visit in desk.stored_visits()} == {clinic.doctor.id}


def test_a_doctor_who_was_removed_after_the_import_is_unknown(staffed, clinic):
    with staffed.uow as uow:
        imported = uow.origins.known("doctor", ["d1"])["d1"]
    doctors_desk.remove(imported, clinic.uow)

    assert staffed.visits(lines(encounter())).reasons == {"unknown-practitioner": 1}


def test_another_clinics_people_are_unknown(store, staffed):
    other = open_clinic(store, name="Far Away Clinic")
    desk = Desk(other.system("import"))

    by_key = desk.visits(lines(encounter()))
    desk.patients(lines(patient("p1")))
    by_id = desk.visits(lines(encounter(doctor=staffed.stored_doctors()[0].id)))

    assert by_key.reasons == by_id.reasons == {"unknown-practitioner": 1}


@pytest.mark.parametrize("act", [import_doctors, import_patients, import_visits])
def test_a_doctor_may_not_import(clinic, act):
    uow = clinic.by(Role.DOCTOR)

    with pytest.raises(NotPermittedError):
        act(io.BytesIO(b""), Form.NDJSON, uow, refused=print, progress=print)


def test_the_owner_may_import(clinic):
    assert Desk(clinic.uow).patients(lines(patient())).stored == 1


class Failing:
    """A unit of work whose commits fail as *errors* says, one after the other."""

    def __init__(self, uow, errors):
        self._uow = uow
        self._errors = iter(errors)
        self.commits = 0

    def __getattr__(self, name):
        return getattr(self._uow, name)

    def __enter__(self):
        self._uow.__enter__()
        return self

    def __exit__(self, *error):
        self._uow.__exit__(*error)

    def commit(self):
        self.commits += 1
        error = next(self._errors, None)
        if error is not None:
            raise error
        self._uow.commit()


@in_memory
def test_a_batch_that_lost_a_race_is_tried_again_and_reported_once(staffed):
    staffed.uow = Failing(staffed.uow, [ContentionError(StoreBusyError())] * 3)

    report = staffed.visits(lines(encounter("e1"), encounter("e2"), encounter("e1")))

    assert staffed.uow.commits == 4
    assert counts(report) == (3, 1, 1, 1)
    assert staffed.progress == [3]
    assert len(staffed.stored_visits()) == 1


def test_a_row_that_the_store_itself_refuses_does_not_sink_the_others(
    staffed, clinic, monkeypatch
):
    taken = clinic.store_visit("09:00-09:30", on=YESTERDAY)
    hidden = {"doctor": clinic.doctor.id, "patient": clinic.patient.id}
    # As if the rules saw nothing: now only the store stands against an overlap.
    monkeypatch.setattr(imports, "OVERLAP_RULES", ())

    report = staffed.visits(
        lines(
            encounter("e1", "10:00:00-10:30:00"),
            encounter("e2", "09:15:00-09:45:00", **hidden),
            encounter("e3", "11:00:00-11:30:00"),
        )
    )

    assert counts(report) == (3, 2, 0, 1)
    assert [(line, reason) for line, reason, _ in staffed.details] == [(2, "overlap")]
    assert len(staffed.stored_visits()) == 3
    assert taken in staffed.stored_visits()


@in_memory
def test_what_stops_an_import_leaves_whole_batches_and_the_next_one_adds_the_rest(desk):
    before = len(desk.stored_patients())
    rows = lines(*(patient(f"p{n}") for n in range(2 * BATCH_ROWS + 1)))
    uow, desk.uow = desk.uow, Failing(desk.uow, [None, StoreBusyError()])

    with pytest.raises(StoreBusyError):
        desk.patients(rows)
    stored = len(desk.stored_patients()) - before
    desk.uow = uow
    report = desk.patients(rows)

    assert stored == BATCH_ROWS
    assert counts(report) == (2 * BATCH_ROWS + 1, BATCH_ROWS + 1, BATCH_ROWS, 0)
    assert desk.progress == [BATCH_ROWS, 2 * BATCH_ROWS, 2 * BATCH_ROWS + 1]


def test_large_rows_make_small_batches(desk, monkeypatch):
    monkeypatch.setattr(imports, "BATCH_BYTES", 150)

    report = desk.patients(lines(patient("p1"), patient("p2"), patient("p3")))

    assert report.stored == 3
    assert desk.progress == [2, 3]


def test_a_file_of_refused_rows_says_nothing_more_than_the_rows():
    file = io.BytesIO()
    write = writing_to(file)
    refusals = [
        imports.Refusal(
            line=n,
            reason=imports.Reason.INVALID,
            detail="Wrong.",
            text=text,
            header=b"a,b",
        )
        for n, text in enumerate([b"1,2", b'"3\n",4'], 2)
    ]

    for refusal in refusals:
        write(refusal)

    assert file.getvalue() == b'a,b\n1,2\n"3\n",4\n'
