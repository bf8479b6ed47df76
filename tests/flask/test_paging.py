from __future__ import annotations

import base64

import pytest

from tests.flask.desk import wrong


def pages(desk, path: str, limit: int) -> list[list[dict[str, object]]]:
    mark = "&" if "?" in path else "?"
    result, query = [], f"{path}{mark}limit={limit}"
    while True:
        page = desk.get(query).json
        result.append(page["items"])
        if page["next"] is None:
            return result
        query = f"{path}{mark}limit={limit}&cursor={page['next']}"


def fill(desk) -> None:
    visit = desk.book(patient_id=desk.patient("Zoë", 'Ó"Lee'))
    for hour in ("10:00", "11:00", "12:00"):
        desk.patient("Ann", "Lee")
        desk.doctor("Dr. Chen")
        desk.book(**{k: visit[k] for k in ("doctor_id", "patient_id")}, start_time=hour)


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/api/doctors", 4),
        ("/api/patients", 4),
        ("/api/patients?q=lee", 4),
        ("/api/appointments", 4),
        ("/api/appointments?from=2026-03-01", 4),
        ("/api/users", 1),
    ],
)
def test_pages_hold_all_records_once_and_in_order(desk, path, count):
    fill(desk)

    (whole,) = pages(desk, path, 200)
    parts = pages(desk, path, 1)

    assert [item for part in parts for item in part] == whole
    assert len(parts) == len(whole) == count


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


UUID7 = "00000000-0000-0000-0000-000000000007"
BAD = {
    "empty": "",
    "no base64": "***",
    "odd length": "a",
    "other letters": "ä",
    "padded": encoded(f'["Dr.","{UUID7}"]') + "=",
    "no JSON": encoded("x"),
    "no list": encoded("{}"),
    "an empty list": encoded("[]"),
    "other spaces": encoded(f'["Dr.", "{UUID7}"]'),
    "numbers": encoded("[1, 2]"),
    "too short": encoded('["Dr."]'),
    "too long": encoded(f'["Dr.","Dr.","Dr.","{UUID7}"]'),
    "no UUID": encoded('["Dr.","Dr."]'),
    "NUL": encoded(f'["\\u0000","{UUID7}"]'),
    "half a pair": encoded(f'["\\ud800","{UUID7}"]'),
    "deep": encoded("[" * 5_000),
}


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("path", ["/api/doctors", "/api/users", "/api/patients"])
def test_a_cursor_must_come_from_the_list(desk, path, cursor):
    response = desk.get(path, query_string={"cursor": cursor})

    assert wrong(response) == [("query", "/cursor")]


def test_a_cursor_of_another_list_is_refused(desk):
    cursor = encoded(f'["Dr. Chen","{UUID7}"]')

    response = desk.get(f"/api/appointments?cursor={cursor}")

    assert wrong(response) == [("query", "/cursor")]


def test_a_cursor_shows_nothing_of_another_clinic(desk, open_desk):
    fill(open_desk())
    cursor = encoded(f'["A","{UUID7}"]')

    assert desk.get(f"/api/doctors?cursor={cursor}").json["items"] == []
