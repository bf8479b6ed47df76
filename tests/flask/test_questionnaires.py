from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import HEADACHES, NOW, UNKNOWN, problem, wrong
from tests.flask.test_paging import BAD, encoded, pages

PATH = "/api/intake/questionnaires"
FHIR = {
    "resourceType": "Questionnaire",
    "status": "active",
    "name": "Sleep",
    "title": "Your sleep",
    "item": [{"linkId": "hours", "type": "integer", "text": "How many hours?"}],
}


def added(desk, **details):
    response = desk.post(PATH, {**HEADACHES, **details})
    assert response.status_code == 201, response.json
    return response.json


def asked(questionnaire):
    return [item["link_id"] for item in questionnaire["definition"]["items"]]


def test_a_questionnaire_of_our_own_is_added(desk):
    response = desk.post(PATH, HEADACHES)

    assert response.status_code == 201
    made = response.json
    assert (made["version"], made["definition"]["name"]) == (1, "headaches")
    assert made["created_at"] == "2026-03-02T12:00:00Z"
    assert asked(made) == ["reason", "often", "days"]
    assert desk.get(f"{PATH}/{made['id']}").json == made
    assert made in desk.get(PATH).json["items"]


def test_a_fhir_questionnaire_is_added_as_it_is_and_given_back(desk):
    made = desk.post(PATH, FHIR)

    assert made.status_code == 201, made.json
    given = desk.get(f"{PATH}/{made.json['id']}/fhir")
    assert given.status_code == 200
    assert given.json["resourceType"] == "Questionnaire"
    assert given.json["item"] == FHIR["item"]


def test_a_change_is_a_new_version_and_the_old_one_stays(desk):
    first = added(desk)

    second = added(desk, title="Your headaches, again")

    assert (second["version"], second["id"] != first["id"]) == (2, True)
    assert desk.get(f"{PATH}/{first['id']}").json == first


def test_what_is_asked_already_is_no_new_version(desk):
    first = added(desk)

    assert added(desk) == first


def test_a_request_that_is_sent_again_adds_nothing(desk):
    key = {"Idempotency-Key": "a-questionnaire"}
    added(desk)
    first = desk.post(PATH, HEADACHES, headers=key).json
    added(desk, title="Newer")

    again = desk.post(PATH, HEADACHES, headers=key)

    assert again.json == first
    assert again.headers["Idempotent-Replayed"] == "true"


def test_every_clinic_has_a_questionnaire_to_begin_with(desk):
    listed = desk.get(PATH).json["items"]

    assert len(listed) == 1
    assert desk.get(PATH).json["items"] == listed
    form = desk.send_form(questionnaire_id=listed[0]["id"])
    assert form["questionnaire_id"] == listed[0]["id"]


def test_all_versions_are_listed_by_name_the_newest_first(desk, watch):
    for minute, title in enumerate(("One", "Two", "Three")):
        watch.at = NOW + timedelta(minutes=minute)
        added(desk, title=title)
        added(desk, name="arms", title=title)

    (whole,) = pages(desk, PATH, 200)
    parts = pages(desk, PATH, 2)

    assert [item for part in parts for item in part] == whole
    own = [
        (each["definition"]["name"], each["version"])
        for each in whole
        if each["definition"]["name"] in ("arms", "headaches")
    ]
    assert own == [(n, v) for n in ("arms", "headaches") for v in (3, 2, 1)]


FORGED = {
    version: encoded(f'["intake","{version}","{UNKNOWN}"]')
    for version in ("one", "-00000001", "1e8", "٣" * 9, "9" * 5_000)
}


@pytest.mark.parametrize("cursor", [*BAD.values(), *FORGED.values()])
def test_a_cursor_must_come_from_the_list(desk, cursor):
    response = desk.get(PATH, query_string={"cursor": cursor})

    assert wrong(response) == [("query", "/cursor")]


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        pytest.param({**HEADACHES, "colour": "red"}, ["/colour"], id="unknown field"),
        pytest.param({**HEADACHES, "items": []}, ["/items"], id="nothing asked"),
        pytest.param(
            {**HEADACHES, "name": "A b", "title": ""}, ["/name", "/title"], id="texts"
        ),
        pytest.param(
            {
                **HEADACHES,
                "items": [
                    {"link_id": "a", "kind": "colour"},
                    {"link_id": "b", "kind": "choice", "text": "Which?"},
                ],
            },
            ["/items/0/kind", "/items/1/options"],
            id="kinds",
        ),
    ],
)
def test_what_no_form_could_ask_is_pointed_at_and_not_added(desk, document, pointers):
    before = desk.get(PATH).json

    response = desk.post(PATH, document)

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(PATH).json == before


def test_the_limits_of_numbers_are_judged_at_once(desk):
    limits = {"min_value": 0.5, "max_value": 2_147_483_648}
    asked = {"link_id": "a", "kind": "integer", "text": "How many?"}

    fits = desk.post(PATH, {**HEADACHES, "items": [{**asked, "max_value": 2e9}]})
    wrong_ones = desk.post(PATH, {**HEADACHES, "items": [{**asked, **limits}]})

    assert fits.status_code == 201
    pointers = ["/items/0/max_value", "/items/0/min_value"]
    assert wrong(wrong_ones) == [("body", pointer) for pointer in pointers]


@pytest.mark.parametrize("document", [[], None, "x", {}, {"resourceType": "Patient"}])
def test_what_is_no_questionnaire_is_refused(desk, document):
    assert desk.post(PATH, document).status_code in (400, 422)


@pytest.mark.parametrize("path", ["", "/fhir"])
def test_a_questionnaire_of_another_clinic_is_not_there(desk, open_desk, path):
    other = added(open_desk())["id"]

    theirs = desk.get(f"{PATH}/{other}{path}")
    nobodys = desk.get(f"{PATH}/{UNKNOWN}{path}")

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")


def test_a_doctor_reads_questionnaires_and_adds_none(desk, open_desk):
    made = added(desk)
    doctor = open_desk(Role.DOCTOR, desk.signed_in.clinic)

    assert doctor.get(f"{PATH}/{made['id']}").json == made
    assert problem(doctor.post(PATH, HEADACHES)) == (403, "not-permitted")
