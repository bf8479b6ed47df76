from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import register
from clinicflow_core.entities.user import Role
from clinicflow_core.sql.store import open_store
from clinicflow_flask import create_app
from clinicflow_flask.answers import has_version
from clinicflow_flask.app import ROUTES
from tests.flask.desk import NOW, PASSWORD, Desk, problem

NINE_TO_FIVE = [{"weekday": "monday", "start": "09:00", "end": "17:00"}]
TEN_TO_FOUR = [{"weekday": "monday", "start": "10:00", "end": "16:00"}]


def intake_form(desk) -> tuple[str, str, object, object]:
    visit = desk.book()
    form = desk.send_form(patient_id=visit["patient_id"])
    one, other = ({"appointment_id": key} for key in (visit["id"], None))
    return "PATCH", f"/api/intake/forms/{form['id']}", one, other


def summary(desk) -> tuple[str, str, object, object]:
    form = desk.send_form()
    desk.submit(form)
    path = f"/api/intake/forms/{form['id']}/summary"
    assert desk.post(path).status_code == 200
    return "PATCH", path, {"summary_text": "One."}, {"summary_text": "Other."}


INTAKE = {"intake form": intake_form, "summary": summary}


@pytest.fixture
def user_path(desk, open_desk) -> str:
    colleague = open_desk(Role.ADMIN, desk.signed_in.clinic).signed_in.user
    return f"/api/users/{colleague.id}"


@pytest.fixture(
    params=[
        *("clinic", "clinic's policy", "user", "doctor", "doctor's policy", "hours"),
        *("patient", "appointment", *INTAKE),
    ]
)
def changed(request, desk) -> tuple[str, str, object, object]:
    """How each kind of record is changed: method, path, one change and another."""

    def names(path: str) -> tuple[str, str, object, object]:
        return "PATCH", path, {"name": "One"}, {"name": "Other"}

    if request.param == "clinic":
        return names("/api/clinic")
    if request.param == "clinic's policy":
        path = "/api/clinic/scheduling-policy"
        return "PUT", path, {"slot_step": 10}, {"slot_step": 20}
    if request.param == "user":
        return names(request.getfixturevalue("user_path"))
    if request.param == "doctor":
        return names(f"/api/doctors/{desk.doctor()}")
    if request.param == "doctor's policy":
        path = f"/api/doctors/{desk.doctor()}/scheduling-policy"
        return "PUT", path, {"slot_step": 10}, {"slot_step": 20}
    if request.param == "hours":
        path = f"/api/doctors/{desk.doctor()}/hours"
        return "PUT", path, NINE_TO_FIVE, TEN_TO_FOUR
    if request.param == "patient":
        path = f"/api/patients/{desk.patient()}"
        return "PATCH", path, {"first_name": "One"}, {"first_name": "Other"}
    if request.param in INTAKE:
        return INTAKE[request.param](desk)
    path = f"/api/appointments/{desk.book()['id']}"
    return "PATCH", path, {"meeting_link": "one"}, {"meeting_link": "other"}


def change(desk, record, which, tag):
    method, path, *bodies = record
    headers = {} if tag is None else {"If-Match": tag}
    return desk.request(method, path, bodies[which], headers=headers)


def told(response):
    """Return the record and its tag, as whoever looks it up gets them."""
    record = response.json
    if isinstance(record, dict):
        for beside in ("possible_duplicates", "scores"):
            record.pop(beside, None)
    return record, response.headers["ETag"]


def test_a_record_tells_its_version(desk, changed):
    path = changed[1]

    first = desk.get(path).headers["ETag"]
    answered = change(desk, changed, 0, None).headers["ETag"]

    assert answered != first
    assert desk.get(path).headers["ETag"] == answered
    for tag in (first, answered):
        assert tag.startswith('"')
        assert tag.endswith('"')


def test_what_was_not_changed_meanwhile_is_changed(desk, changed):
    tag = desk.get(changed[1]).headers["ETag"]

    response = change(desk, changed, 0, tag)

    assert response.status_code == 200
    again = change(desk, changed, 1, response.headers["ETag"])
    assert again.status_code == 200
    assert told(desk.get(changed[1])) == told(again)


def test_who_saw_an_older_version_changes_nothing(desk, changed):
    tag = desk.get(changed[1]).headers["ETag"]
    stored = change(desk, changed, 0, tag)

    response = change(desk, changed, 1, tag)

    assert problem(response) == (412, "stale-version")
    assert told(desk.get(changed[1])) == told(stored)


@pytest.mark.parametrize("tag", [None, "*"], ids=["no tag", "any"])
def test_who_asks_for_no_version_changes_any(desk, changed, tag):
    change(desk, changed, 0, tag)

    response = change(desk, changed, 1, tag)

    assert response.status_code == 200
    assert told(desk.get(changed[1])) == told(response)


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "1",
        '"',
        '""',
        '"x"',
        '"1',
        "'1'",
        'W/"1"',
        '"01"',
        '"+1"',
        '" 1"',
        '"1" ',
        '"1.0"',
        '"-1"',
        '"0"',
        '"²"',
        '"999999999999999999999"',
        '"1", "2"',
        '"2","3"',
        '*, "1"',
        "**",
        '"*"',
    ],
)
def test_a_tag_that_no_record_has_changes_nothing(desk, tag):
    path = f"/api/patients/{desk.patient()}"
    before = desk.get(path)
    environ = {"HTTP_IF_MATCH": tag}

    response = desk.request(
        "PATCH", path, {"first_name": "Other"}, environ_overrides=environ
    )

    assert problem(response) == (412, "stale-version")
    assert told(desk.get(path)) == told(before)


def test_another_time_is_asked_for_a_version_too(desk):
    visit = desk.book()
    path = f"/api/appointments/{visit['id']}"
    tag = desk.get(path).headers["ETag"]
    desk.patch(path, {"meeting_link": "one"})
    move = {"date": "2026-03-03", "start_time": "11:00"}

    response = desk.post(f"{path}/reschedule", move, headers={"If-Match": tag})

    assert problem(response) == (412, "stale-version")
    assert desk.get(path).json["start_time"] == visit["start_time"]
    tag = desk.get(path).headers["ETag"]
    moved = desk.post(f"{path}/reschedule", move, headers={"If-Match": tag})
    assert moved.status_code == 200
    assert moved.headers["ETag"] == desk.get(path).headers["ETag"] != tag


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("hours", TEN_TO_FOUR),
        ("dated-hours", {"date": "2026-03-03", "hours": []}),
        ("scheduling-policy", {"slot_step": 10}),
    ],
)
def test_what_belongs_to_a_doctor_is_a_new_version_of_the_doctor(desk, part, body):
    path = f"/api/doctors/{desk.doctor()}"
    tag = desk.get(path).headers["ETag"]
    assert desk.get(f"{path}/hours").headers["ETag"] == tag

    put = desk.put(f"{path}/{part}", body, headers={"If-Match": tag})

    assert desk.get(path).headers["ETag"] == put.headers["ETag"] != tag
    stale = {"If-Match": tag}
    for method, place, change in (
        ("PUT", f"{path}/{part}", body),
        ("PATCH", path, {"name": "Other"}),
    ):
        response = desk.request(method, place, change, headers=stale)
        assert problem(response) == (412, "stale-version")
    assert desk.get(path).headers["ETag"] == put.headers["ETag"]


def test_a_new_policy_is_a_new_version_of_the_clinic(desk):
    tag = desk.get("/api/clinic").headers["ETag"]

    put = desk.put("/api/clinic/scheduling-policy", {"slot_step": 10})

    assert desk.get("/api/clinic").headers["ETag"] == put.headers["ETag"] != tag


@pytest.mark.parametrize("path", ["/api/waitlist/{}", "/api/waitlist/{}/decline"])
def test_an_entry_of_the_waitlist_tells_its_version(desk, path):
    visit = desk.book()
    entry = desk.wait(doctor_id=visit["doctor_id"])
    desk.cancel(visit)
    method = "POST" if path.endswith("decline") else "GET"

    response = desk.request(method, path.format(entry["id"]))

    assert response.headers["ETag"] == f'"{response.json["version"]}"' != '"1"'


@pytest.mark.parametrize(
    "path", ["appointments", "doctors", "patients", "users", "waitlist"]
)
def test_an_answer_that_is_given_again_has_the_same_tag(desk, path):
    account = {"name": "Ada", "email": "ada@x.org", "role": "admin"}
    body = {
        "appointments": desk.wish,
        "doctors": lambda: {"name": "Dr. Chen"},
        "patients": lambda: {"first_name": "Ann", "last_name": "Lee"},
        "users": lambda: {**account, "password": PASSWORD},
        "waitlist": desk.waiting_wish,
    }[path]()
    key = {"Idempotency-Key": "b7e1c1de-0001"}

    first = desk.post(f"/api/{path}", body, headers=key)
    again = desk.post(f"/api/{path}", body, headers=key)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"] == '"1"'
    assert desk.get(f"/api/{path}/{first.json['id']}").headers["ETag"] == '"1"'


def test_every_change_by_patch_or_put_heeds_the_version():
    changes = [route for route in ROUTES if route.method in {"PATCH", "PUT"}]

    assert len(changes) >= 6
    for route in changes:
        if route.is_public:
            continue  # A patient's own draft: nobody else changes it.
        assert route.heeds_version, route.endpoint
        assert has_version(route.answer), route.endpoint


def of_visit(step, body=None):
    def made(desk):
        path = f"/api/appointments/{desk.book()['id']}"
        return "POST", f"{path}/{step}", path, body

    return made


def given_up(step):
    def made(desk):
        visit = desk.book()
        desk.cancel(visit)
        path = f"/api/appointments/{visit['id']}"
        return "POST", f"{path}/{step}", path, None

    return made


def whole(path_of, step="", method="DELETE", body=None):
    def made(desk):
        path = path_of(desk)
        return method, path + step, path, body

    return made


def offered(step):
    def made(desk):
        visit = desk.book()
        entry = desk.wait(doctor_id=visit["doctor_id"])
        desk.cancel(visit)
        path = f"/api/waitlist/{entry['id']}"
        return ("POST" if step else "DELETE"), path + step, path, None

    return made


def patient(desk):
    return f"/api/patients/{desk.patient()}"


def form(desk):
    return f"/api/intake/forms/{desk.send_form()['id']}"


def merging(desk):
    path = patient(desk)
    return "POST", f"{path}/merge", path, {"duplicate_id": desk.patient()}


WHY = {"cancellation_type": "other"}
STEPS = {
    **{s: of_visit(s) for s in ("confirm", "arrive", "complete", "no-show")},
    "cancel": of_visit("cancel", WHY),
    "reinstate": given_up("reinstate"),
    "undo": given_up("undo"),
    "remove a doctor": whole(lambda desk: f"/api/doctors/{desk.doctor()}"),
    "remove a patient": whole(patient),
    "merge": merging,
    "resend": whole(form, "/resend", "POST", {"days_open": 7}),
    "revoke": whole(form, "/revoke", "POST"),
    "accept": offered("/accept"),
    "decline": offered("/decline"),
    "withdraw": offered(""),
}


@pytest.mark.parametrize("step", STEPS)
def test_no_step_is_taken_of_what_changed_meanwhile(desk, step):
    method, path, record, body = STEPS[step](desk)
    before = told(desk.get(record))
    tag = before[1]
    stale = f'"{int(tag.strip(chr(34))) + 1}"'

    refused = desk.request(method, path, body, headers={"If-Match": stale})

    assert problem(refused) == (412, "stale-version")
    assert told(desk.get(record)) == before
    done = desk.request(method, path, body, headers={"If-Match": tag})
    assert done.status_code in {200, 201, 204}, done.json


# Two people at once


@pytest.fixture
def shared_desk(settings, database_url) -> Iterator[Desk]:
    """A desk at a database, for several people at once."""
    with closing(open_store(database_url, FixedClock(NOW))) as store:
        yield Desk.opened(create_app(settings, store), store, Role.OWNER, None)


def both_change(desk, path, *bodies, tag=None):
    """Let somebody send each of *bodies* at the same moment; return the statuses."""
    ready = threading.Barrier(len(bodies))

    def send(body):
        ready.wait(30)
        headers = {} if tag is None else {"If-Match": tag}
        return desk.request("PATCH", path, body, headers=headers).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, bodies))


ROUNDS = 20


@pytest.mark.races
def test_of_two_who_edit_a_patient_at_once_one_is_told_to_look_again(shared_desk):
    path = f"/api/patients/{shared_desk.patient()}"
    for number in range(ROUNDS):
        tag = shared_desk.get(path).headers["ETag"]
        names = [f"Ann {number}", f"Eve {number}"]
        wanted = [{"first_name": name} for name in names]

        statuses = both_change(shared_desk, path, *wanted, tag=tag)

        assert sorted(statuses) == [200, 412]
        shown = shared_desk.get(path)
        assert shown.json["first_name"] == names[statuses.index(200)]
        assert shown.headers["ETag"] == f'"{number + 2}"'


@pytest.mark.races
def test_two_who_edit_other_things_of_a_patient_at_once_are_both_heeded(shared_desk):
    path = f"/api/patients/{shared_desk.patient()}"
    for number in range(ROUNDS):
        wanted = [{"first_name": f"Ann {number}"}, {"last_name": f"Lee {number}"}]

        statuses = both_change(shared_desk, path, *wanted)

        assert statuses == [200, 200]
        shown = shared_desk.get(path).json
        assert {"first_name", "last_name"} <= shown.keys()
        assert shown.items() >= (wanted[0] | wanted[1]).items()
        assert shown["version"] == 2 * number + 3


@pytest.mark.races
def test_without_the_check_of_the_version_one_overwrites_the_other(
    shared_desk, monkeypatch
):
    monkeypatch.setattr(register, "require_version", lambda *_: None)
    path = f"/api/patients/{shared_desk.patient()}"
    tag = shared_desk.get(path).headers["ETag"]
    wanted = [{"first_name": "Ann"}, {"first_name": "Eve"}]

    statuses = both_change(shared_desk, path, *wanted, tag=tag)

    assert statuses == [200, 200]
