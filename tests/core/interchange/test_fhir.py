from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from clinicflow_core.errors import InvalidError
from clinicflow_core.interchange import fhir
from clinicflow_core.interchange.reasons import UnfitError
from clinicflow_core.timespan import TimeSpan

TODAY = date(2026, 3, 2)
ANN = {"family": "Lee", "given": ["Ann"]}
BEA = {"family": "Moss", "given": ["Bea", "Maria"]}
URN = "urn:uuid:11cb6f4d-10ad-4f18-bc2d-7ed1d4ca0e7e"


def patient(**parts):
    resource = {"resourceType": "Patient", "id": "p1", "name": [ANN], **parts}
    return fhir.patient(resource, TODAY)


def practitioner(**parts):
    resource = {"resourceType": "Practitioner", "id": "d1", "name": [ANN], **parts}
    return fhir.practitioner(resource, TODAY)


def encounter(**parts):
    resource = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "subject": {"reference": "Patient/p1"},
        "participant": [{"individual": {"reference": "Practitioner/d1"}}],
        "period": {
            "start": "1954-06-03T17:39:34+00:00",
            "end": "1954-06-03T12:54:34-05:00",
        },
        **parts,
    }
    return fhir.encounter({k: v for k, v in resource.items() if v is not None})


def doctor_of(*participants):
    return encounter(participant=list(participants)).doctor


@pytest.mark.parametrize(
    ("names", "last_name"),
    [
        pytest.param([ANN, BEA | {"use": "usual"}], "Moss", id="usual before others"),
        pytest.param(
            [ANN | {"use": "usual"}, BEA | {"use": "official"}], "Moss", id="official"
        ),
        pytest.param([ANN, BEA], "Lee", id="the first of equals"),
        pytest.param([ANN | {"use": "maiden"}, BEA], "Moss", id="no maiden name"),
        pytest.param([ANN | {"use": "old"}, BEA], "Moss", id="no old name"),
        pytest.param(
            [ANN | {"use": "official", "period": {"end": "2002"}}, BEA],
            "Moss",
            id="ended years ago",
        ),
        pytest.param(
            [ANN | {"use": "official", "period": {"end": "2026-03-01T10:00:00Z"}}, BEA],
            "Moss",
            id="ended yesterday",
        ),
        pytest.param(
            [ANN | {"use": "official", "period": {"end": "2026"}}, BEA],
            "Lee",
            id="ends this year",
        ),
        pytest.param(
            [ANN | {"use": "official", "period": {"start": "2002"}}, BEA],
            "Lee",
            id="has not ended",
        ),
    ],
)
def test_a_patient_goes_by_the_name_in_use(names, last_name):
    assert patient(name=names).facts["last_name"] == last_name


def test_given_names_are_joined_and_what_is_missing_is_left_out():
    found = patient(name=[BEA | {"given": [" Bea ", None, "Maria"]}])

    assert found.key == "p1"
    assert found.facts == {"first_name": "Bea Maria", "last_name": "Moss"}


@pytest.mark.parametrize(
    ("telecoms", "phone"),
    [
        pytest.param([("home", 1), ("mobile", 2)], "home", id="rank counts first"),
        pytest.param([("work", None), ("home", None)], "home", id="home before work"),
        pytest.param([("home", None), ("mobile", None)], "mobile", id="mobile first"),
        pytest.param([("temp", None), ("work", None)], "work", id="others last"),
        pytest.param([("old", 1), ("work", None)], "work", id="no old number"),
    ],
)
def test_a_patient_is_called_at_the_best_number(telecoms, phone):
    found = patient(
        telecom=[
            {"system": "phone", "use": use, "value": use}
            | ({} if rank is None else {"rank": rank})
            for use, rank in telecoms
        ]
    )

    assert found.facts["phone"] == phone


def test_a_patient_is_written_to_at_the_first_address_in_use():
    found = patient(
        telecom=[
            {"system": "email", "value": "a@x.org", "period": {"end": "2014"}},
            {"system": "email", "value": " "},
            {"use": "home"},
            {"system": "email", "value": "b@x.org"},
            {"system": "email", "value": "c@x.org"},
        ]
    )

    assert found.facts["email"] == "b@x.org"


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        pytest.param({"name": []}, "/name", id="no name"),
        pytest.param({"name": [{"use": "old", **ANN}]}, "/name", id="no name in use"),
        pytest.param({"name": None}, "/name", id="null"),
        pytest.param({"name": ANN}, "/name", id="a name that is no list"),
        pytest.param({"name": ["Ann Lee"]}, "/name/0", id="a name that is text"),
        pytest.param({"name": [{"family": "Lee"}]}, "/name/0/given", id="no given"),
        pytest.param({"name": [{"given": ["Ann"]}]}, "/name/0/family", id="no family"),
        pytest.param(
            {"name": [ANN | {"family": 7}]}, "/name/0/family", id="a number as a name"
        ),
        pytest.param(
            {"name": [ANN | {"given": [7]}]}, "/name/0/given/0", id="a number as given"
        ),
        pytest.param(
            {"name": [ANN | {"period": "2002"}]}, "/name/0/period", id="no period"
        ),
        pytest.param({"birthDate": 19700101}, "/birthDate", id="a number as a date"),
        pytest.param(
            {"telecom": [{"system": "phone", "value": "1", "rank": "1"}]},
            "/telecom/0/rank",
            id="a rank that is text",
        ),
        pytest.param({"id": 7}, "/id", id="a number as id"),
        pytest.param({"id": "a b"}, "/id", id="a space in the id"),
        pytest.param({"id": "\ud800"}, "/id", id="half a surrogate pair"),
        pytest.param({"resourceType": None}, "/resourceType", id="no type"),
    ],
)
def test_what_does_not_say_what_fhir_says_is_refused_with_its_place(parts, pointer):
    with pytest.raises(InvalidError) as refused:
        patient(**parts)

    assert [problem.pointer for problem in refused.value.problems] == [pointer]


@pytest.mark.parametrize("data", [[], "Ann", 7, None, True])
def test_a_resource_must_be_an_object(data):
    with pytest.raises(InvalidError, match="must be an object"):
        fhir.patient(data, TODAY)


def test_an_empty_object_is_no_resource():
    with pytest.raises(InvalidError, match="/resourceType: is required"):
        fhir.patient({}, TODAY)


@pytest.mark.parametrize("birth", ["1970", "1970-05"])
def test_half_a_birth_date_is_refused_by_name(birth):
    with pytest.raises(UnfitError) as refused:
        patient(birthDate=birth)

    assert refused.value.fault.reason.value == "partial-date"
    assert birth not in refused.value.fault.detail


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda data: fhir.patient(data, TODAY), "not-a-patient"),
        (lambda data: fhir.practitioner(data, TODAY), "not-a-practitioner"),
        (fhir.encounter, "not-an-encounter"),
    ],
)
def test_another_resource_is_refused_by_name(read, reason):
    with pytest.raises(UnfitError) as refused:
        read({"resourceType": "Spaceship", "id": "1"})

    assert refused.value.fault.reason.value == reason
    assert "Spaceship" not in refused.value.fault.detail


def test_a_resource_may_stand_in_an_entry_of_a_bundle():
    resource = {"resourceType": "Patient", "name": [ANN]}
    found = fhir.patient({"fullUrl": URN, "resource": resource}, TODAY)

    assert found.key == URN.removeprefix("urn:uuid:")
    assert found.facts["last_name"] == "Lee"


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        ({"resource": {}}, "/resource/resourceType"),
        ({"resource": None}, "/resource"),
        ({"resource": {"resourceType": "Patient", "id": ""}}, "/resource/name"),
        ({"resource": {"resourceType": "Patient", "id": "/"}}, "/resource/id"),
    ],
)
def test_the_place_of_a_mistake_leads_into_the_entry(entry, pointer):
    with pytest.raises(InvalidError, match=f"^{pointer}: "):
        fhir.patient(entry, TODAY)


def test_a_resource_without_any_id_is_told_from_others_by_what_it_says():
    keys = [
        fhir.patient({"resourceType": "Patient", "name": [name]}, TODAY).key
        for name in (ANN, ANN, BEA)
    ]

    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("sha256:")


@pytest.mark.parametrize(
    ("name", "shown", "initials"),
    [
        pytest.param(
            {"prefix": ["Dr."], "given": ["Keeley"], "family": "Yundt"},
            "Dr. Keeley Yundt",
            "KY",
            id="parts",
        ),
        pytest.param(
            {"given": ["Bea", "Maria"], "family": "van Moss", "text": "B. Moss"},
            "Bea Maria van Moss",
            "BV",
            id="parts before text",
        ),
        pytest.param({"family": "élan"}, "élan", "É", id="one part"),
        pytest.param(
            {"text": "Dr. Juri van Gelder"}, "Dr. Juri van Gelder", "JG", id="text"
        ),
        pytest.param({"text": "?"}, "?", None, id="no letters"),
    ],
)
def test_a_doctor_goes_by_title_and_name(name, shown, initials):
    found = practitioner(name=[name])

    assert found.key == "d1"
    assert (found.facts["name"], found.facts.get("initials")) == (shown, initials)


def test_a_doctor_must_have_a_name():
    with pytest.raises(InvalidError, match="/name/0/family: is required"):
        practitioner(name=[{"prefix": ["Dr."]}])


@pytest.mark.parametrize(
    ("qualifications", "specialty"),
    [
        pytest.param([{"code": {"text": "Cardiology"}}], "Cardiology", id="text"),
        pytest.param(
            [{}, {"code": {"coding": [{"code": "1"}, {"display": "Pulmonologist"}]}}],
            "Pulmonologist",
            id="display",
        ),
        pytest.param([{"code": {}}], None, id="nothing"),
    ],
)
def test_the_specialty_is_what_the_first_qualification_says(qualifications, specialty):
    found = practitioner(qualification=qualifications)

    assert found.facts.get("specialty") == specialty


def test_a_finished_encounter_is_a_past_visit():
    found = encounter()

    assert (found.key, found.doctor, found.patient) == ("e1", "d1", "p1")
    assert found.when == TimeSpan(
        datetime(1954, 6, 3, 17, 39, 34, tzinfo=UTC),
        datetime(1954, 6, 3, 17, 54, 34, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        pytest.param("Practitioner/d1", "d1", id="relative"),
        pytest.param("https://x.org/fhir/Practitioner/d1", "d1", id="absolute"),
        pytest.param("Practitioner/d1/_history/2", "d1", id="a version"),
        pytest.param(URN, URN.removeprefix("urn:uuid:"), id="a URN"),
    ],
)
def test_references_are_followed_in_all_their_forms(reference, key):
    assert doctor_of({"individual": {"reference": reference}}) == key


def test_the_doctor_is_the_first_participant_who_is_a_practitioner():
    assert (
        doctor_of(
            {},
            {"individual": {"display": "Dr. Lee"}},
            {"individual": {"reference": "RelatedPerson/r1"}},
            {"individual": {"reference": URN, "type": "RelatedPerson"}},
            {"individual": {"reference": "#contained"}},
            {"individual": {"reference": "Practitioner/a b"}},
            {"actor": {"reference": "Practitioner/d2", "type": "Practitioner"}},
            {"individual": {"reference": "Practitioner/d3"}},
        )
        == "d2"
    )


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        pytest.param({"participant": None}, "no-practitioner", id="no participant"),
        pytest.param({"subject": None}, "no-patient", id="no subject"),
        pytest.param(
            {"subject": {"reference": "Group/g1"}}, "no-patient", id="a group"
        ),
        pytest.param({"status": "planned"}, "not-completed", id="planned"),
        pytest.param({"status": "cancelled"}, "not-completed", id="cancelled"),
        pytest.param({"status": "entered-in-error"}, "not-completed", id="an error"),
        pytest.param(
            {"period": {"start": "1954-06-03", "end": "1954-06-04"}},
            "partial-date",
            id="days",
        ),
        pytest.param(
            {"period": {"start": "1954", "end": "1955"}}, "partial-date", id="years"
        ),
        pytest.param(
            {
                "period": {
                    "start": "1954-06-03T17:00:00Z",
                    "end": "1960-06-03T17:00:00Z",
                }
            },
            "too-long",
            id="years long",
        ),
        pytest.param(
            {
                "period": {
                    "start": "1954-06-03T17:00:00Z",
                    "end": "1954-06-03T16:00:00Z",
                }
            },
            "invalid",
            id="backwards",
        ),
    ],
)
def test_an_encounter_that_is_no_past_visit_is_refused_by_name(parts, reason):
    with pytest.raises(UnfitError) as refused:
        encounter(**parts)

    assert refused.value.fault.reason.value == reason


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        pytest.param({"status": None}, "/status", id="no status"),
        pytest.param({"status": "done"}, "/status", id="no such status"),
        pytest.param({"period": None}, "/period", id="no period"),
        pytest.param({"period": {}}, "/period/start", id="no start"),
        pytest.param(
            {"period": {"start": "1954-06-03T17:00:00Z"}}, "/period/end", id="no end"
        ),
        pytest.param(
            {"period": {"start": "1954-06-03T17:00:00"}},
            "/period/start",
            id="no offset",
        ),
        pytest.param(
            {"period": {"start": "0000-06-03T17:00:00Z"}}, "/period/start", id="year 0"
        ),
        pytest.param({"participant": [7]}, "/participant/0", id="a number"),
    ],
)
def test_an_encounter_that_cannot_be_read_is_refused_with_its_place(parts, pointer):
    with pytest.raises(InvalidError) as refused:
        encounter(**parts)

    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_what_the_patient_is_called_is_not_shown_in_logs():
    assert "Lee" not in repr(patient())


def test_a_visit_keeps_the_seconds_at_which_it_began_and_ended():
    period = {"start": "1954-06-03T17:00:10Z", "end": "1954-06-03T17:20:45Z"}

    when = encounter(period=period).when

    assert (when.start.second, when.end.second) == (10, 45)
