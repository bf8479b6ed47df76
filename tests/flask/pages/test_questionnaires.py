from __future__ import annotations

import json
from io import BytesIO

import pytest

from tests.flask.desk import HEADACHES, UNKNOWN, Desk
from tests.flask.pages.browser import Browser

HOSTILE = "<script>alert(1)</script>{{7*7}}"
FHIR = {
    "resourceType": "Questionnaire",
    "status": "active",
    "name": "smoking",
    "title": "Smoking",
    "item": [{"linkId": "smoke", "text": "Do you smoke?", "type": "boolean"}],
}


def versions(desk: Desk) -> list[tuple[str, int]]:
    kept = desk.get("/api/intake/questionnaires").json["items"]
    return [(each["definition"]["name"], each["version"]) for each in kept]


def paste(browser: Browser, document: object) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    browser.open("/settings/questionnaires/new")
    browser.send("Add it", document=text, file=None)


def upload(browser: Browser, content: bytes) -> None:
    browser.open("/settings/questionnaires/new")
    form = {"form": browser.token(), "document": ""}
    browser.post(
        "/settings/questionnaires", {**form, "file": (BytesIO(content), "q.json")}
    )


def test_the_list_shows_every_version_and_which_is_the_newest(browser, desk):
    desk.questionnaire()
    desk.questionnaire(title="Your headaches and more")

    page = browser.open("/settings/questionnaires")

    rows = [row.get_text(" ", strip=True) for row in page.select("tbody tr")]
    assert len(rows) == 3
    assert rows[0].startswith("Your headaches and more , version 2 headaches 2 newest")
    assert rows[1].startswith("Your headaches , version 1 headaches 1 Mar 2, 2026")


def test_a_new_clinic_has_the_questionnaire_that_comes_with_the_product(browser):
    browser.open("/settings/questionnaires")
    browser.follow("Before your visit")

    assert "What is the main reason you are coming in?" in browser.text


@pytest.mark.parametrize("document", [HEADACHES, FHIR], ids=["ours", "FHIR"])
@pytest.mark.parametrize("send", [paste, upload])
def test_a_questionnaire_is_added(browser, desk, document, send):
    if send is upload:
        document = json.dumps(document).encode()

    send(browser, document)

    assert browser.status == 200
    assert browser.path.startswith("/settings/questionnaires/")
    assert "what patients are asked from now on" in browser.text
    assert any(name in {"headaches", "smoking"} for name, _ in versions(desk))


def test_a_file_counts_before_what_was_pasted(browser, desk):
    browser.open("/settings/questionnaires/new")

    browser.send(
        "Add it",
        document=json.dumps(HEADACHES),
        file=(BytesIO(json.dumps(FHIR).encode()), "q.json"),
    )

    assert [name for name, _ in versions(desk)] == ["intake", "smoking"]


def test_what_is_added_again_as_it_is_makes_no_new_version(browser, desk):
    paste(browser, FHIR)
    paste(browser, FHIR)
    paste(browser, {**FHIR, "title": "Smoking and vaping"})

    assert versions(desk)[-2:] == [("smoking", 2), ("smoking", 1)]


def test_everything_that_cannot_be_asked_is_told_at_once(browser, desk):
    strange = {
        **FHIR,
        "item": [
            {"linkId": "a", "text": "A", "type": "attachment"},
            {"linkId": "b", "text": "B", "type": "choice"},
            {"linkId": "b", "text": "C", "type": "string", "initial": []},
        ],
    }

    paste(browser, strange)

    assert browser.status == 422
    places = [code.get_text() for code in browser.page.select(".complaint code")]
    assert any(place.startswith("/item/0") for place in places)
    assert any(place.startswith("/item/1") for place in places)
    assert any(place.startswith("/item/2") for place in places)
    told = desk.post("/api/intake/questionnaires", strange).json["errors"]
    assert set(places) == {each["pointer"] for each in told}
    for each in told:
        assert each["detail"] in browser.text


@pytest.mark.parametrize(
    ("text", "status", "complaint"),
    [
        pytest.param("{", 400, "Not JSON at line 1", id="no JSON"),
        pytest.param("", 400, "Empty: a JSON value is needed.", id="nothing"),
        pytest.param("[]", 422, "must be an object", id="a list"),
        pytest.param("{}", 422, "/items is required", id="an empty object"),
        pytest.param('{"a": NaN}', 400, "NaN", id="no number"),
        pytest.param("[" * 50, 400, "Nested deeper", id="deep"),
    ],
)
def test_what_is_no_questionnaire_is_told_and_can_be_mended(
    browser, text, status, complaint
):
    paste(browser, text)

    assert browser.status == status
    assert complaint in browser.text
    assert browser.page.find(id="document").get_text().strip() == text


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"\xef\xbb\xbf{}"])
def test_a_file_that_is_no_text_is_told(browser, content):
    upload(browser, content)

    assert browser.status == 400
    assert browser.page.find(role="alert")


def test_what_is_longer_than_a_megabyte_is_refused(browser, desk):
    # Written by hand: of so long a file the client makes one that it does not close.
    answer = browser.client.post(
        "/settings/questionnaires",
        data=b"--x\r\n" + b"x" * 1024 * 1024,
        content_type="multipart/form-data; boundary=x",
    )

    assert answer.status_code == 413
    assert answer.mimetype == "text/html"
    assert versions(desk) == [("intake", 1)]


def test_a_file_of_almost_a_megabyte_is_read(browser, desk):
    browser.open("/settings/questionnaires/new")
    document = json.dumps(FHIR).encode() + b" " * 1000 * 1000
    token = f'name="form"\r\n\r\n{browser.token()}\r\n'.encode()
    file = b'name="file"; filename="q.json"\r\n\r\n' + document + b"\r\n"
    part = b"--x\r\nContent-Disposition: form-data; "

    answer = browser.client.post(
        "/settings/questionnaires",
        data=part + token + part + file + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )

    assert answer.status_code == 303
    assert versions(desk)[-1] == ("smoking", 1)


def test_a_questionnaire_is_shown_as_patients_read_it(browser, desk):
    asked = {
        **HEADACHES,
        "description": "So that we can help.",
        "items": [
            *HEADACHES["items"],
            {
                "link_id": "where",
                "kind": "choice",
                "text": "Where?",
                "options": [
                    {"code": str(n), "display": f"Place {n}"} for n in range(32)
                ],
            },
            {
                "link_id": "else",
                "kind": "group",
                "text": "Anything else",
                "repeats": True,
                "enable_any": True,
                "enable_when": [
                    {"question": "where", "operator": "!=", "value": "3"},
                    {"question": "days", "operator": ">", "value": 2},
                    {"question": "reason", "operator": "exists", "value": False},
                ],
                "items": [{"link_id": "hint", "kind": "display", "text": "Any hint"}],
            },
        ],
    }
    questionnaire_id = desk.questionnaire(**asked)

    browser.open(f"/settings/questionnaires/{questionnaire_id}")

    assert "So that we can help." in browser.text
    assert "Why? must be answered \u2013 in words" in browser.text
    assert "Asked if \u201cIs it there every day?\u201d is yes." in browser.text
    assert (
        "Asked if \u201cWhere?\u201d is not Place 3 "
        "or \u201cFor how many days?\u201d is more than 2 "
        "or \u201cWhy?\u201d is not answered." in browser.text
    )
    assert "Place 29 and 2 more" in browser.text
    assert "as often as needed" in browser.text


def test_what_is_worked_out_is_named_and_not_asked(browser, desk):
    options = [{"code": str(n), "display": str(n), "score": n} for n in range(3)]
    questionnaire_id = desk.questionnaire(
        name="mood",
        items=[
            {"link_id": "low", "kind": "choice", "text": "Low?", "options": options},
            {"link_id": "sum", "kind": "integer", "text": "The sum"},
        ],
        scores=[
            {
                "name": "mood",
                "title": "Mood scale",
                "questions": ["low"],
                "total": "sum",
            }
        ],
    )

    browser.open(f"/settings/questionnaires/{questionnaire_id}")

    assert "Mood scale" in browser.text
    assert "The sum" not in browser.text


def test_a_questionnaire_is_downloaded_as_fhir_and_can_be_added_again(browser, desk):
    paste(browser, FHIR)
    answer = browser.client.get(f"{browser.path}/fhir")

    assert answer.mimetype == "application/fhir+json"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Cache-Control"] == "no-store"
    upload(browser, answer.data)
    assert versions(desk)[-1] == ("smoking", 1)


def test_hostile_questions_are_texts(browser, desk):
    items = [
        {
            "link_id": "a",
            "kind": "choice",
            "text": HOSTILE,
            "prefix": "<b>",
            "options": [{"code": "x", "display": HOSTILE}],
        },
        {
            "link_id": "b",
            "kind": "text",
            "text": "x" * 10_000,
            "enable_when": [{"question": "a", "operator": "=", "value": "x"}],
        },
    ]
    hostile = desk.questionnaire(title=HOSTILE, description=HOSTILE, items=items)

    for path in ("", f"/{hostile}"):
        page = browser.open(f"/settings/questionnaires{path}")

        assert browser.status == 200
        assert HOSTILE in browser.text
        assert all(script.has_attr("src") for script in page.find_all("script"))
        assert page.main.find("b") is None


def test_a_hostile_key_is_a_text_in_what_is_told(browser):
    paste(browser, {**FHIR, HOSTILE: 1})

    assert browser.status == 422
    assert f"/{HOSTILE.replace('/', '~1')}" in browser.text
    assert browser.page.main.find("script") is None


@pytest.mark.parametrize("part", ["", "/fhir"])
def test_another_clinics_questionnaire_is_not_found(browser, open_desk, part):
    other = open_desk().questionnaire()

    for questionnaire_id in (other, UNKNOWN):
        browser.open(f"/settings/questionnaires/{questionnaire_id}{part}")

        assert browser.status == 404
