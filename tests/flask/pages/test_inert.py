"""What patients and staff write is text wherever it is shown, and nothing else."""

from __future__ import annotations

import csv
import io
import re
from itertools import product

import pytest
from markupsafe import escape

from tests.flask.pages.browser import Browser

MARK = "qzmark"
OPENINGS = (
    "<script>{}</script>",
    "</script><script>{}</script>",
    "<img src=x onerror={}>",
    "<svg/onload={}>",
    "<svg><script>{}</script></svg>",
    "<iframe srcdoc='&lt;script&gt;{}&lt;/script&gt;'>",
    "<a href=javascript:{}>x</a>",
    "<body onload={}>",
    "<details open ontoggle={}>",
    "<math><mtext><style><img src=x onerror={}>",
    "<!--{}--><b>",
    "<style>*{{background:url({})}}</style>",
    "<textarea></textarea><script>{}</script>",
    "</title><script>{}</script>",
    "</option></select><script>{}</script>",
    "<base href=//{}>",
    "<meta http-equiv=refresh content=0;url={}>",
    "<form action=//{}><button>",
    "<div hx-get=/{} hx-trigger=load>",
    "<div hx-on:load={}>",
)
ENDINGS = (
    "{}",
    '" {} x="',
    "' {} x='",
    "` {}",
    "{{{{7*7}}}} {}",
    "{{% for x in config %}}{} ",
    "${{7*7}} {}",
    "=HYPERLINK({})",
    "+1{}",
    "&lt;{}",
)
PAYLOADS = [e.format(o.format(MARK))[:100] for o, e in product(OPENINGS, ENDINGS)]


def is_inert(browser: Browser) -> list[str]:
    """Return what of a payload stands in the page as more than text."""
    page, text = browser.page, browser.answer.get_data(as_text=True)
    found = [each for each in PAYLOADS if "<" in each and each in text]
    for element in page.find_all(True):
        for name, value in element.attrs.items():
            told = " ".join(value) if isinstance(value, list) else str(value)
            if name.startswith(("on", "hx-on", "style")):
                found.append(f"{element.name} {name}")
            if told.strip().lower().startswith("javascript:"):
                found.append(f"{element.name} {name}={told}")
    found += [str(s) for s in page.find_all("script") if not s.get("src")]
    found += [str(each) for each in page.find_all(["iframe", "base", "style"])]
    if re.search(rf"\b49\b\s*{MARK}", browser.text):
        found.append("it was calculated")
    return found


@pytest.fixture
def planted(desk) -> dict[str, str]:
    """A clinic in which every text that a patient or the staff can write is hostile."""
    evil = iter(PAYLOADS * 2)
    doctor_id = desk.doctor(next(evil), specialty=next(evil))
    patients = [desk.patient(next(evil), next(evil)) for _ in range(90)]
    visit = desk.book(
        doctor_id=doctor_id,
        patient_id=patients[0],
        visit_type="virtual",
        meeting_link=f"javascript:{MARK}",
    )
    gone = desk.book(
        doctor_id=doctor_id, patient_id=patients[1], start_time="10:00", duration=30
    )
    cancelled = {"cancellation_type": "other", "reason_note": next(evil)}
    desk.post(f"/api/appointments/{gone['id']}/cancel", cancelled)
    desk.take_time_off(doctor_id, "2026-03-10T08:00", "2026-03-10T12:00", reason="<b>")
    desk.wait(patient_id=patients[2], doctor_id=doctor_id, note=next(evil))
    asked = desk.questionnaire(
        title=next(evil),
        items=[
            {"link_id": f"q{n}", "kind": "text", "text": next(evil)} for n in range(20)
        ],
    )
    form = desk.send_form(
        patient_id=patients[0], appointment_id=visit["id"], questionnaire_id=asked
    )
    desk.submit(form, **{f"q{n}": next(evil) for n in range(20)})
    free = desk.send_form(patient_id=patients[3])
    desk.submit(free, **{each[:60]: each for each in PAYLOADS[:40]})
    desk.post(f"/api/intake/forms/{free['id']}/summary")
    link = desk.send_form(patient_id=patients[4], questionnaire_id=asked)
    user = {
        "name": next(evil),
        "email": "evil@example.org",
        "role": "admin",
        "password": "correct horse battery",
    }
    desk.post("/api/users", user)
    desk.patch("/api/clinic", {"name": next(evil)})
    return {
        "visit": visit["id"],
        "gone": gone["id"],
        "patient": patients[0],
        "doctor": doctor_id,
        "form": form["id"],
        "free": free["id"],
        "questionnaire": asked,
        "token": link["token"],
    }


PATHS = (
    *("/day/2026-03-03", "/week/2026-03-03", "/week/2026-03-03?doctor_id={doctor}"),
    *("/visits/{visit}", "/visits/{gone}", "/book?doctor_id={doctor}"),
    *("/patients", "/patients?q=script", "/patients/choose?q=script"),
    *("/patients/{patient}", "/patients/{patient}/change", "/patients/{patient}/erase"),
    *("/waitlist", "/waitlist/join", "/intake", "/intake/{form}", "/intake/{free}"),
    *("/intake/send?patient_id={patient}", "/dashboard?from=2026-03-01&to=2026-03-31"),
    *("/settings", "/settings/doctors", "/settings/doctors/{doctor}"),
    *("/settings/users", "/settings/questionnaires", "/settings/account"),
    *("/settings/questionnaires/{questionnaire}", "/i/{token}"),
    "/i/{token}/part/1",
)


def test_there_are_as_many_payloads_as_were_promised():
    assert len(set(PAYLOADS)) == 200


def test_what_is_hostile_is_text_on_every_page(browser, planted):
    seen = 0
    for path in PATHS:
        browser.open(
            path.format(**planted), {"HX-Request": "true"} if "choose" in path else None
        )

        assert browser.status == 200, path
        assert is_inert(browser) == [], path
        seen += browser.answer.get_data(as_text=True).count(str(escape(MARK)))
    assert seen > 300


def test_what_is_typed_again_is_text_as_well(browser, desk):
    browser.open("/patients/new")
    for payload in PAYLOADS[::20]:
        browser.open(f"/patients?q={payload.replace('&', '%26').replace('#', '%23')}")
        assert is_inert(browser) == []
        browser.open("/patients/new")
        browser.send("Register", first_name=payload, last_name="", date_of_birth="x")
        assert browser.status == 422
        assert is_inert(browser) == []


def test_no_cell_of_a_table_begins_a_formula(browser, desk):
    for start in "=+-@\t\r":
        desk.doctor(
            f"{start}HYPERLINK('x')".strip() if start in "\t\r" else f"{start}cmd"
        )

    answer = browser.client.get("/dashboard/figures.csv?from=2026-03-01&to=2026-03-31")

    assert answer.status_code == 200
    cells = [c for row in csv.reader(io.StringIO(answer.text)) for c in row]
    assert any(cell.startswith("'=") for cell in cells)
    assert not [c for c in cells if re.match(r"[=+@\t\r]|-(?![0-9])", c)]


def test_a_template_that_trusts_what_is_written_would_be_found(browser, app, planted):
    template = app.jinja_env.from_string("<p>{{ name|safe }}</p>")

    with app.test_request_context():
        careless = app.make_response(template.render(name=PAYLOADS[0]))

    browser._show(careless)

    assert is_inert(browser)
