from __future__ import annotations

import io
import json

import pytest

from tests.flask.desk import UNKNOWN, problem, wrong

PATIENT = b'{"first_name": "Ann", "last_name": "Lee"}'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "unreadable", id="empty"),
        pytest.param(b"   ", "unreadable", id="blank"),
        pytest.param(b'{"first_name": "Ann', "unreadable", id="cut off"),
        pytest.param(b'{"a": NaN}', "unreadable", id="NaN"),
        pytest.param(b'{"a": -Infinity}', "unreadable", id="infinity"),
        pytest.param(b'{"a": 1, "a": 1}', "unreadable", id="duplicate keys"),
        pytest.param(b"[" * 10_000, "unreadable", id="10,000 brackets, unclosed"),
        pytest.param(
            b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "unreadable", id="5,000 objects"
        ),
        pytest.param(b'{"a": ' + b"9" * 5_000 + b"}", "unreadable", id="5,000 digits"),
        pytest.param(b'{"a": 9223372036854775808}', "unreadable", id="2**63"),
        pytest.param(b'{"a": 1e999}', "unreadable", id="too large"),
        pytest.param(b'{"a": "\xff"}', "unreadable", id="not UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "unreadable", id="byte order mark"),
        pytest.param(PATIENT.decode().encode("utf-16"), "unreadable", id="UTF-16"),
        pytest.param(PATIENT + PATIENT, "unreadable", id="two values"),
        pytest.param(b"[]", "invalid-request", id="a list"),
        pytest.param(b"null", "invalid-request", id="null"),
        pytest.param(b'"Ann"', "invalid-request", id="text"),
        pytest.param(b"true", "invalid-request", id="true"),
        pytest.param(b"{}", "invalid-request", id="nothing in it"),
        pytest.param(
            PATIENT.replace(b"Ann", b"\\ud800"), "invalid-request", id="lone surrogate"
        ),
        pytest.param(PATIENT.replace(b"Ann", b"\\u0000"), "invalid-request", id="NUL"),
        pytest.param(
            PATIENT.replace(b"Ann", b"A" * 101), "invalid-request", id="long name"
        ),
        pytest.param(PATIENT.replace(b'"Ann"', b"1"), "invalid-request", id="number"),
        pytest.param(
            b'{"\\ud800": 1, "clinic_id": 2}', "invalid-request", id="odd keys"
        ),
        pytest.param(
            b'{"__proto__": {"a": 1}, "a~/b": 1}', "invalid-request", id="proto"
        ),
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_stored(desk, body, code):
    response = desk.post("/api/patients", data=body, content_type="application/json")

    status = {"unreadable": 400, "invalid-request": 422}[code]
    assert problem(response) == (status, code)
    assert desk.get("/api/patients").json["items"] == []


def test_everything_wrong_is_pointed_at_at_once(desk):
    response = desk.post(
        "/api/appointments",
        {
            "doctor_id": "x",
            "date": "2026-02-30",
            "start_time": "24:00",
            "duration": True,
            "status": "confirmed",
            "override": {"reason": "", "a/b~c": 1},
        },
    )

    assert wrong(response) == [
        ("body", "/date"),
        ("body", "/doctor_id"),
        ("body", "/duration"),
        ("body", "/override/a~1b~0c"),
        ("body", "/override/reason"),
        ("body", "/patient_id"),
        ("body", "/start_time"),
        ("body", "/status"),
    ]


@pytest.mark.parametrize(
    "field", ["id", "clinic_id", "version", "created_at", "full_name"]
)
def test_what_the_clinic_decides_cannot_be_sent(desk, field):
    body = {"first_name": "Ann", "last_name": "Lee", field: UNKNOWN}

    assert wrong(desk.post("/api/patients", body)) == [("body", f"/{field}")]


def test_a_step_that_needs_no_body_takes_no_fields(desk):
    path = f"/api/appointments/{desk.book()['id']}/confirm"

    assert wrong(desk.post(path, {"status": "completed"})) == [("body", "/status")]
    assert problem(desk.post(path, [])) == (422, "invalid-request")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
        "application/problem+json",
        "\x80",
    ],
)
def test_a_body_must_say_that_it_is_json_in_utf_8(desk, content_type):
    response = desk.post("/api/patients", data=PATIENT, content_type=content_type)

    assert problem(response) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "Application/JSON",
    ],
)
def test_json_in_utf_8_can_be_said_in_several_ways(desk, content_type):
    response = desk.post("/api/patients", data=PATIENT, content_type=content_type)

    assert response.status_code == 201


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"]
)
@pytest.mark.parametrize(
    ("depth", "code"), [(32, "invalid-request"), (33, "unreadable")]
)
def test_a_body_nests_thirty_two_levels_deep(desk, opening, closing, depth, code):
    body = opening * depth + b"1" + closing * depth

    response = desk.post("/api/patients", data=body, content_type="application/json")

    assert problem(response)[1] == code


@pytest.mark.parametrize(
    ("path", "query"), [("/api/", ""), ("/api/patients", "q="), ("/%c3%b6", "%c3%b6=")]
)
@pytest.mark.parametrize(
    ("length", "refused"), [(8 * 1024, False), (8 * 1024 + 1, True), (100_000, True)]
)
def test_a_url_of_more_than_eight_kilobytes_is_refused(
    desk, path, query, length, refused
):
    decoded = path.replace("%c3%b6", "--")
    filling = "a" * (length - len(decoded) - len(query))
    url = f"{path}?{query}{filling}" if query else f"{path}{filling}"

    response = desk.app.test_client().get(url)

    assert (response.status_code == 414) == refused
    if refused:
        assert problem(response) == (414, "url-too-long")


def test_a_body_of_more_than_a_megabyte_is_refused(desk):
    body = PATIENT + b" " * 1024 * 1024

    response = desk.post("/api/patients", data=body, content_type="application/json")

    assert problem(response) == (413, "too-large")


def test_a_long_body_in_chunks_is_refused(desk):
    response = desk.post(
        "/api/patients",
        input_stream=io.BytesIO(PATIENT + b" " * 1024 * 1024),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    assert problem(response) == (413, "too-large")


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "", "0", "99999", "٣"])
def test_an_odd_content_length_is_no_reason_to_fail(desk, length):
    response = desk.post(
        "/api/patients",
        data=PATIENT,
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": length},
    )

    assert response.status_code in {201, 400}


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("x=1", ["/x"]),
        ("limit=0", ["/limit"]),
        ("limit=201", ["/limit"]),
        ("limit=ten", ["/limit"]),
        ("limit=5.0", ["/limit"]),
        ("limit=", ["/limit"]),
        ("limit=%D9%A3", ["/limit"]),
        ("limit=" + "9" * 5_000, ["/limit"]),
        ("limit=5&limit=5", ["/limit"]),
        ("limit", ["/limit"]),
        ("from_=2026-03-03", ["/from_"]),
        ("from=2026-3-3", ["/from"]),
        ("status=Confirmed", ["/status"]),
        ("status=confirmed%00", ["/status"]),
        ("doctor_id=x&patient_id=1", ["/doctor_id", "/patient_id"]),
        ("a~b%2Fc=1", ["/a~0b~1c"]),
        ("date=%ff", [""]),
        ("date=%zz", ["/date"]),
        ("date=\xe4", [""]),
        ("&".join(f"a{n}=1" for n in range(51)), [""]),
        ("sort=name;drop%20table", ["/sort"]),
    ],
)
def test_a_query_is_as_strict_as_a_body(desk, query, pointers):
    response = desk.get("/api/appointments", environ_overrides={"QUERY_STRING": query})

    assert wrong(response) == [("query", pointer) for pointer in pointers]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/clinic"), ("POST", "/api/patients"), ("GET", "/health")],
)
def test_a_route_without_a_query_takes_none(desk, method, path):
    assert wrong(desk.request(method, f"{path}?x=1")) == [("query", "/x")]


@pytest.mark.parametrize("words", ["%00", "a" * 201])
def test_words_that_cannot_be_stored_cannot_be_looked_for(desk, words):
    assert wrong(desk.get(f"/api/patients?q={words}")) == [("query", "/q")]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/doctors/",
        "/api/doctors/7",
        "/api/doctors/" + "a" * 5_000,
        "/api/doctors/00000000000000000000000000000007",
        "/api/doctors/{00000000-0000-0000-0000-000000000007}",
        "/api/doctors/%ff%fe",
        "/api/doctors/%00",
        "/api/doctors/../clinic",
        "//api/doctors",
        "/docs/../app.py",
        "/docs/%2e%2e/__init__.py",
        "/docs/%00",
        "/docs/nothing.js",
        "/static/x",
    ],
)
def test_a_path_that_leads_nowhere_is_not_there(desk, path):
    assert problem(desk.app.test_client().get(path)) == (404, "not-found")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "CONNECT", "BREW", "ö"])
def test_a_method_that_does_not_apply_is_told_which_do(desk, method):
    response = desk.request(method, "/api/doctors")

    assert problem(response) == (405, "method-not-allowed")
    allowed = set(response.headers["Allow"].split(", "))
    assert allowed == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_method_cannot_be_overridden(desk):
    doctor_id = desk.doctor()
    headers = {"X-HTTP-Method-Override": "DELETE"}

    desk.get(f"/api/doctors/{doctor_id}", headers=headers)

    assert desk.get(f"/api/doctors/{doctor_id}").status_code == 200


@pytest.mark.parametrize(
    "host", ["", "\xff", "a..b", "[", "x" * 5_000, "a b", "evil.example/%0d%0a", "\0"]
)
@pytest.mark.parametrize("path", ["/api/doctors", "/docs", "/nowhere"])
def test_an_odd_host_is_no_reason_to_fail(desk, host, path):
    response = desk.get(path, environ_overrides={"HTTP_HOST": host})

    assert response.status_code < 500


def test_head_and_options_are_answered_without_a_body(desk):
    head = desk.request("HEAD", "/api/doctors")
    options = desk.request("OPTIONS", "/api/doctors")

    assert (head.status_code, head.data) == (200, b"")
    assert (options.status_code, options.data) == (200, b"")
    assert "POST" in options.headers["Allow"]


def test_names_in_any_script_come_back_as_they_were_sent(desk):
    body = {"first_name": "Zoë 👩🏽‍⚕️", "last_name": "'; DROP TABLE patients; --\u202e"}

    response = desk.post("/api/patients", body)

    assert response.status_code == 201
    stored = desk.get(f"/api/patients/{response.json['id']}")
    assert json.loads(stored.data).items() >= body.items()
