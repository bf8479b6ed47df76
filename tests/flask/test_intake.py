from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from clinicflow_core.desk import register
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.user import Role
from tests.flask.desk import NOW, UNKNOWN, Patient, problem, wrong
from tests.flask.test_paging import BAD, pages

PATH = "/api/intake/forms"
ANSWERS = {"reason": "I have a headache.", "medications": ["Ibuprofen 400 mg"]}


def shown(desk, form):
    response = desk.get(f"{PATH}/{form['id']}")
    assert response.status_code == 200, response.json
    return response.json


def step(desk, form, name, body=None, **kwargs):
    return desk.post(f"{PATH}/{form['id']}/{name}", body, **kwargs)


def visit_of(desk, visit):
    return desk.get(f"/api/appointments/{visit['id']}").json


def works(desk, sent):
    return Patient(desk.app, sent["token"]).asked().status_code == 200


@pytest.fixture
def visit(desk):
    return desk.book()


@pytest.fixture
def form(desk, visit):
    """A form that is sent for a visit."""
    return desk.send_form(patient_id=visit["patient_id"], appointment_id=visit["id"])


def linked(desk, form, appointment_id, **kwargs):
    body = {"appointment_id": appointment_id}
    return desk.request("PATCH", f"{PATH}/{form['id']}", body, **kwargs)


def test_a_form_is_sent_with_a_link_that_is_told_once(desk, visit):
    wish = {
        "patient_id": visit["patient_id"],
        "appointment_id": visit["id"],
        "questionnaire_id": desk.questionnaire(),
        "days_open": 3,
    }

    response = desk.post(PATH, wish)

    assert response.status_code == 201
    sent = response.json
    assert sent["link"] == f"/api/intake/public/{sent['token']}"
    assert sent["expires_at"] == "2026-03-05T12:00:00Z"
    del wish["days_open"]
    assert shown(desk, sent) == {
        **wish,
        "id": sent["id"],
        "raw_answers": {},
        "dropped": [],
        "scores": [],
        "status": "pending",
        "submitted_at": None,
        "reviewed_at": None,
        "reviewed_by_id": None,
        "revoked_at": None,
        "version": 1,
        "created_at": "2026-03-02T12:00:00Z",
        "updated_at": "2026-03-02T12:00:00Z",
    }
    assert works(desk, sent)
    for path in (PATH, f"{PATH}/{sent['id']}", f"/api/appointments/{visit['id']}"):
        assert sent["token"] not in desk.get(path).text


def test_a_link_works_for_two_weeks_unless_otherwise_asked(desk):
    assert desk.send_form()["expires_at"] == "2026-03-16T12:00:00Z"


def test_a_form_that_is_sent_again_makes_one_form_and_tells_no_link(desk):
    key = {"Idempotency-Key": "a-form"}
    wish = {"patient_id": desk.patient()}
    first = desk.post(PATH, wish, headers=key)

    again = desk.post(PATH, wish, headers=key)

    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.json == {**first.json, "link": None, "token": None}
    assert len(desk.get(PATH).json["items"]) == 1
    assert works(desk, first.json)


def test_the_visits_intake_follows_its_form(desk, visit):
    told = [visit["intake_status"]]
    form = desk.send_form(patient_id=visit["patient_id"], appointment_id=visit["id"])
    told.append(visit_of(desk, visit)["intake_status"])
    step(desk, form, "revoke")
    told.append(visit_of(desk, visit)["intake_status"])
    form = desk.send_form(patient_id=visit["patient_id"], appointment_id=visit["id"])
    told.append(visit_of(desk, visit)["intake_status"])
    desk.submit(form)
    told.append(visit_of(desk, visit)["intake_status"])
    step(desk, form, "review")
    told.append(visit_of(desk, visit)["intake_status"])

    assert told == ["missing", "sent", "missing", "sent", "completed", "completed"]
    completed = desk.get("/api/appointments?intake_status=completed").json["items"]
    assert [found["id"] for found in completed] == [visit["id"]]


def test_a_form_moves_to_another_visit_and_both_follow(desk, visit, form):
    people = {name: visit[name] for name in ("doctor_id", "patient_id")}
    later = desk.book(**people, start_time="10:00")

    response = linked(desk, form, later["id"])

    assert response.status_code == 200
    assert (response.json["appointment_id"], response.json["version"]) == (
        later["id"],
        2,
    )
    assert visit_of(desk, visit)["intake_status"] == "missing"
    assert visit_of(desk, later)["intake_status"] == "sent"
    assert linked(desk, form, None).json["appointment_id"] is None
    assert visit_of(desk, later)["intake_status"] == "missing"
    assert works(desk, form)


def test_answers_are_written_down_for_the_patient(desk, form):
    response = step(desk, form, "submit", {"raw_answers": ANSWERS})

    assert response.status_code == 200
    submitted = response.json
    assert (submitted["status"], submitted["raw_answers"]) == ("submitted", ANSWERS)
    assert submitted["submitted_at"] == "2026-03-02T12:00:00Z"
    assert {**submitted, "scores": []} == shown(desk, form)
    assert not works(desk, form)


def test_answers_to_what_was_not_asked_are_dropped_and_listed(desk):
    form = desk.send_form(questionnaire_id=desk.questionnaire())

    submitted = desk.submit(form, reason="A headache.", often=False, days=3)

    assert submitted["raw_answers"] == {"reason": "A headache.", "often": False}
    assert submitted["dropped"] == ["/days"]
    assert shown(desk, form)["dropped"] == ["/days"]


def test_everything_wrong_with_answers_is_pointed_at_and_nothing_is_kept(desk):
    form = desk.send_form(questionnaire_id=desk.questionnaire())
    answers = {"often": True, "days": "three", "colour": "red"}

    response = step(desk, form, "submit", {"raw_answers": answers})

    assert wrong(response) == [
        ("body", "/raw_answers/colour"),
        ("body", "/raw_answers/days"),
        ("body", "/raw_answers/reason"),
    ]
    assert shown(desk, form)["version"] == 1
    assert works(desk, form)


def test_what_the_answers_add_up_to_is_shown(desk):
    options = [{"code": f"{n}", "display": f"{n} days", "score": n} for n in range(4)]
    questions = [
        {"link_id": f"q{n}", "kind": "choice", "text": f"Nr {n}?", "options": options}
        for n in (1, 2)
    ]
    bands = [{"at_least": 0, "title": "Little"}, {"at_least": 4, "title": "Much"}]
    scale = {
        "name": "mood",
        "title": "Mood",
        "questions": ["q1", "q2"],
        "bands": bands,
    }
    asked = desk.questionnaire(items=questions, scores=[scale])
    form = desk.send_form(questionnaire_id=asked)

    desk.submit(form, q1="3", q2="2")

    score = {"name": "mood", "title": "Mood", "total": 5, "maximum": 6, "band": "Much"}
    assert shown(desk, form)["scores"] == [score]


def test_a_form_is_reviewed_once(desk, form, watch):
    desk.submit(form)

    response = step(desk, form, "review")

    assert response.status_code == 200
    reviewed = response.json
    assert reviewed["status"] == "reviewed"
    assert reviewed["reviewed_at"] == "2026-03-02T12:00:00Z"
    assert reviewed["reviewed_by_id"] == str(desk.signed_in.user.id)
    watch.at = NOW + timedelta(hours=1)
    assert step(desk, form, "review").json == reviewed


def test_a_new_link_works_and_those_before_it_do_not(desk, form):
    response = step(desk, form, "resend", {"days_open": 1})

    assert response.status_code == 200
    again = response.json
    assert (again["id"], again["version"]) == (form["id"], 2)
    assert again["expires_at"] == "2026-03-03T12:00:00Z"
    assert works(desk, again)
    assert not works(desk, form)


def test_a_form_that_is_called_back_cannot_be_filled_in(desk, form):
    response = step(desk, form, "revoke")

    assert response.status_code == 200
    assert response.json["revoked_at"] == "2026-03-02T12:00:00Z"
    assert not works(desk, form)


STEPS = ("submit", "review", "resend", "revoke", "link")
FITS = {
    "pending": {"submit", "resend", "revoke", "link"},
    "submitted": {"review", "link"},
    "reviewed": {"review", "link"},
    "revoked": set(),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("state", FITS)
def test_each_step_fits_its_states_and_no_other(desk, form, state, name):
    if state in ("submitted", "reviewed"):
        desk.submit(form)
    if state == "reviewed":
        step(desk, form, "review")
    if state == "revoked":
        step(desk, form, "revoke")
    before = shown(desk, form)

    if name == "link":
        response = linked(desk, form, None)
    else:
        body = {"raw_answers": ANSWERS} if name == "submit" else None
        response = step(desk, form, name, body)

    if name in FITS[state]:
        assert response.status_code == 200, response.json
    else:
        assert problem(response) == (409, "invalid-transition")
        assert shown(desk, form) == before


@pytest.mark.parametrize("name", ["submit", "review", "link"])
def test_who_saw_an_older_version_changes_nothing(desk, form, name):
    if name == "review":
        desk.submit(form)
    tag = desk.get(f"{PATH}/{form['id']}").headers["ETag"]
    stale = {"If-Match": f'"{int(tag.strip(chr(34))) + 1}"'}
    before = shown(desk, form)

    def answered(headers):
        if name == "link":
            return linked(desk, form, None, headers=headers)
        body = {"raw_answers": ANSWERS} if name == "submit" else None
        return step(desk, form, name, body, headers=headers)

    assert problem(answered(stale)) == (412, "stale-version")
    assert shown(desk, form) == before
    response = answered({"If-Match": tag})
    assert response.status_code == 200
    assert response.headers["ETag"] == f'"{response.json["version"]}"' != tag


def test_a_form_is_shown_as_fhir(desk):
    form = desk.send_form(questionnaire_id=desk.questionnaire())
    desk.submit(form, reason="A headache.")

    response = desk.get(f"{PATH}/{form['id']}/fhir")

    assert response.status_code == 200
    assert response.json["resourceType"] == "QuestionnaireResponse"
    assert "A headache." in response.text


# Lists


def test_forms_are_found_without_their_answers(desk, visit, form):
    other = desk.send_form()
    desk.submit(other, **ANSWERS)
    queries = {
        "": [form, other],
        "?status=pending": [form],
        "?status=submitted": [other],
        f"?patient_id={form['patient_id']}": [form],
        f"?appointment_id={visit['id']}": [form],
        f"?appointment_id={visit['id']}&status=submitted": [],
        f"?patient_id={UNKNOWN}": [],
    }

    for query, wanted in queries.items():
        response = desk.get(f"{PATH}{query}")

        found = {item["id"] for item in response.json["items"]}
        assert found == {sent["id"] for sent in wanted}, query
        assert "raw_answers" not in response.text
        assert "headache" not in response.text


@pytest.mark.parametrize("which", ["all", "a patient's"])
def test_pages_hold_all_forms_once_and_in_order(desk, watch, which):
    patient = desk.patient()
    ids = []
    for number in range(5):
        watch.at = NOW + timedelta(microseconds=number)
        ids.append(desk.send_form(patient_id=patient)["id"])
    history = f"/api/patients/{patient}/intake-forms"
    path = PATH if which == "all" else history

    (whole,) = pages(desk, path, 200)
    parts = pages(desk, path, 2)

    assert [found["id"] for found in whole] == ids
    assert [found for part in parts for found in part] == whole
    assert [len(part) for part in parts] == [2, 2, 1]


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD.keys())
def test_a_cursor_must_come_from_the_forms(desk, cursor):
    response = desk.get(PATH, query_string={"cursor": cursor})

    assert wrong(response) == [("query", "/cursor")]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("status=sent", "/status"), ("limit=0", "/limit"), ("token=x", "/token")],
)
def test_forms_are_asked_for_in_their_own_words(desk, query, pointer):
    assert wrong(desk.get(f"{PATH}?{query}")) == [("query", pointer)]


def test_a_patients_history_holds_their_forms_alone(desk, form):
    desk.send_form()

    history = desk.get(f"/api/patients/{form['patient_id']}/intake-forms")

    assert [found["id"] for found in history.json["items"]] == [form["id"]]
    nobodys = desk.get(f"/api/patients/{UNKNOWN}/intake-forms")
    assert problem(nobodys) == (404, "not-found")


# What is refused


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"patient_id": "x"}, ["/patient_id"]),
        ({"days_open": 0}, ["/days_open"]),
        ({"days_open": 91}, ["/days_open"]),
        ({"days_open": "3", "appointment_id": 1}, ["/appointment_id", "/days_open"]),
        ({"status": "submitted", "raw_answers": {}}, ["/raw_answers", "/status"]),
        ({"token": "mine", "expires_at": None}, ["/expires_at", "/token"]),
    ],
)
def test_a_wrong_wish_is_pointed_at_and_nothing_is_sent(desk, change, pointers):
    response = desk.post(PATH, {"patient_id": desk.patient(), **change})

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(PATH).json["items"] == []


@pytest.mark.parametrize("which", ["patient_id", "appointment_id", "questionnaire_id"])
def test_no_form_is_about_what_is_not_there(desk, which):
    wish = {"patient_id": desk.patient(), which: UNKNOWN}

    assert problem(desk.post(PATH, wish)) == (404, "not-found")
    assert desk.get(PATH).json["items"] == []


def test_a_form_is_for_a_visit_of_its_own_patient(desk, visit):
    form = desk.send_form()
    wish = {"patient_id": form["patient_id"], "appointment_id": visit["id"]}

    assert wrong(desk.post(PATH, wish)) == [("body", "/appointment_id")]
    assert wrong(linked(desk, form, visit["id"])) == [("body", "/appointment_id")]
    assert visit_of(desk, visit) == visit


def test_a_visit_has_one_form(desk, visit, form):
    people = {"patient_id": visit["patient_id"]}
    other = desk.send_form(**people)

    for response in (
        desk.post(PATH, {**people, "appointment_id": visit["id"]}),
        linked(desk, other, visit["id"]),
    ):
        assert problem(response) == (409, "form-exists")
        assert form["id"] in response.json["detail"]
    assert len(desk.get(PATH).json["items"]) == 2


@pytest.mark.parametrize("way", ["send", "submit"])
def test_nothing_is_asked_of_a_patient_who_was_erased(desk, store, way):
    patient = desk.patient()
    form = desk.send_form(patient_id=patient)
    session = desk.signed_in.session
    uow = store.unit_of_work(session.clinic_id, session.id)
    register.erase(PatientId(UUID(patient)), uow)

    if way == "send":
        response = desk.post(PATH, {"patient_id": patient})
    else:
        response = step(desk, form, "submit", {"raw_answers": ANSWERS})

    assert problem(response) == (409, "patient-erased")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/raw_answers"]),
        ({"raw_answers": []}, ["/raw_answers"]),
        ({"raw_answers": {"a": "b\u0000"}}, ["/raw_answers/a"]),
        ({"raw_answers": {"a": "x" * 20_001}}, ["/raw_answers/a"]),
        ({"raw_answers": {}, "status": "reviewed"}, ["/status"]),
    ],
)
def test_what_are_no_answers_is_pointed_at(desk, form, body, pointers):
    response = step(desk, form, "submit", body)

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert shown(desk, form)["status"] == "pending"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/fhir"),
        ("PATCH", ""),
        *(("POST", f"/{name}") for name in ("submit", "review", "resend", "revoke")),
        ("POST", "/summary"),
        ("GET", "/summary"),
        ("PATCH", "/summary"),
        ("POST", "/summary/sign"),
    ],
)
def test_a_form_of_another_clinic_is_not_there(desk, open_desk, method, path):
    elsewhere = open_desk()
    sent = elsewhere.send_form()
    elsewhere.submit(sent)
    before = shown(elsewhere, sent)
    body = {"/submit": {"raw_answers": ANSWERS}, "": {"appointment_id": None}}.get(path)

    theirs = desk.request(method, f"{PATH}/{sent['id']}{path}", body)
    nobodys = desk.request(method, f"{PATH}/{UNKNOWN}{path}", body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(sent["id"], "") == nobodys.text.replace(UNKNOWN, "")
    assert shown(elsewhere, sent) == before


# Who may


def test_a_doctor_reads_the_intake_of_their_own_patients_alone(desk, open_desk, form):
    visit = desk.get(f"/api/appointments/{form['appointment_id']}").json
    doctor = open_desk(Role.DOCTOR, desk.signed_in.clinic)
    account = f"/api/users/{doctor.signed_in.user.id}"
    desk.patch(account, {"doctor_id": visit["doctor_id"]})
    for sent in (form, stranger := desk.send_form()):
        desk.submit(sent, **ANSWERS)

    assert shown(doctor, form) == shown(desk, form)
    listed = doctor.get(PATH).json["items"]
    assert [found["id"] for found in listed] == [form["id"]]
    asked = [
        ("GET", ""),
        ("GET", "/fhir"),
        ("POST", "/review"),
        ("POST", "/summary"),
        ("GET", "/summary"),
        ("PATCH", "/summary"),
        ("POST", "/summary/sign"),
    ]
    for method, path in asked:
        response = doctor.request(method, f"{PATH}/{stranger['id']}{path}")
        assert problem(response) == (403, "not-permitted"), path
        assert "headache" not in response.text
        own = doctor.request(method, f"{PATH}/{form['id']}{path}")
        assert own.status_code == 200, path


@pytest.mark.parametrize("name", ["submit", "resend", "revoke", "link", "send"])
def test_a_doctor_sends_no_forms(desk, open_desk, form, name):
    doctor = open_desk(Role.DOCTOR, desk.signed_in.clinic)

    if name == "link":
        response = linked(doctor, form, None)
    elif name == "send":
        response = doctor.post(PATH, {"patient_id": form["patient_id"]})
    else:
        body = {"raw_answers": ANSWERS} if name == "submit" else None
        response = step(doctor, form, name, body)

    assert problem(response) == (403, "not-permitted")
    assert shown(desk, form)["version"] == 1


def test_forms_with_a_red_flag_are_found_from_either_end(desk):
    made = []
    for number in range(3):
        form = desk.send_form()
        said = "Chest pain." if number else "A check-up."
        desk.submit(form, reason=said)
        desk.post(f"{PATH}/{form['id']}/summary")
        made.append(form["id"])

    def found(query):
        page = desk.get(f"{PATH}?{query}").json["items"]
        return [each["id"] for each in page]

    assert set(found("flagged=true")) == set(made[1:])
    assert set(found("flagged=false")) == set(made)
    newest = found("newest_first=true&limit=200")
    assert newest == found("limit=200")[::-1]
    for query in ("flagged=yes", "flagged=", "newest_first=1"):
        assert desk.get(f"{PATH}?{query}").status_code == 422
