"""Somebody at a desk, whose answers are held against the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from attrs import evolve, field, frozen
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from clinicflow_core.desk.accounts import SignedIn
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import ClinicId, SessionId, UserId
from clinicflow_core.entities.user import Role, Session, User
from clinicflow_core.ports import Store
from clinicflow_flask import openapi, tokens
from clinicflow_flask.answers import PATIENT_LINK
from clinicflow_flask.app import ROUTES

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
SECRET = "a secret that only these tests know of"
PASSWORD = "correct horse battery"
UNKNOWN = str(UUID(int=7))
_PASSWORD_HASH = "$2b$04$Mh2W.X9sWmXkM5TQ/jGOcOyeGshd5CSvq8xdglNOtfb3rTx/tOIda"


HEADACHES: Mapping[str, object] = {
    "name": "headaches",
    "title": "Your headaches",
    "items": [
        {"link_id": "reason", "kind": "text", "text": "Why?", "required": True},
        {"link_id": "often", "kind": "boolean", "text": "Is it there every day?"},
        {
            "link_id": "days",
            "kind": "integer",
            "text": "For how many days?",
            "enable_when": [{"question": "often", "operator": "=", "value": True}],
        },
    ],
}


@frozen
class Desk:
    """Somebody in a clinic with a browser."""

    app: Flask
    signed_in: SignedIn
    token: str

    @classmethod
    def opened(
        cls, app: Flask, store: Store, role: Role, clinic: Clinic | None
    ) -> Desk:
        user = User(
            id=UserId(uuid4()),
            clinic_id=clinic.id if clinic else ClinicId(uuid4()),
            email=f"{uuid4()}@example.org",
            password_hash=_PASSWORD_HASH,
            name="Olive Owner",
            role=role,
            created_at=NOW,
            updated_at=NOW,
        )
        session = Session(
            id=SessionId(uuid4()),
            clinic_id=user.clinic_id,
            user_id=user.id,
            refresh_id=uuid4(),
            created_at=NOW,
            expires_at=NOW + timedelta(days=30),
        )
        entrance = store.entrance()
        with entrance:
            if clinic is None:
                clinic = Clinic(
                    id=user.clinic_id, name="Elm", created_at=NOW, updated_at=NOW
                )
                entrance.add_clinic(clinic)
            entrance.add_user(user)
            entrance.add_session(session)
            entrance.commit()
        signed_in = SignedIn(session=session, user=user, clinic=clinic)
        with app.app_context():
            token = tokens.issue(signed_in).access_token
        return cls(app, signed_in, token)

    def with_token(self, token: str) -> Desk:
        return evolve(self, token=token)

    def request(
        self,
        method: str,
        path: str,
        json: object = None,
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        # Always the same, so that two answers can be compared byte for byte.
        sent = {"Authorization": f"Bearer {self.token}", "X-Request-Id": "the-desk"}
        sent |= headers or {}
        response = self.app.test_client().open(
            path, method=method, json=json, headers=sent, **kwargs
        )
        conforms(self.app, method, path, response)
        return response

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, json: object = None, **kwargs: Any) -> TestResponse:
        return self.request("POST", path, json, **kwargs)

    def patch(self, path: str, json: object) -> TestResponse:
        return self.request("PATCH", path, json)

    def put(self, path: str, json: object, **kwargs: Any) -> TestResponse:
        return self.request("PUT", path, json, **kwargs)

    def delete(self, path: str) -> TestResponse:
        return self.request("DELETE", path)

    def doctor(self, name: str = "Dr. Sarah Chen", **details: object) -> str:
        """Add a doctor who works on weekdays from 9 to 17; return the id."""
        doctor_id: str = self.post("/api/doctors", {"name": name, **details}).json["id"]
        hours = [{"weekday": d, "start": "09:00", "end": "17:00"} for d in WORKDAYS]
        assert self.put(f"/api/doctors/{doctor_id}/hours", hours).status_code == 200
        return doctor_id

    def patient(self, first: str = "Ann", last: str = "Lee", **details: object) -> str:
        body = {"first_name": first, "last_name": last, **details}
        patient_id: str = self.post("/api/patients", body).json["id"]
        return patient_id

    def wish(self, **details: object) -> dict[str, object]:
        """Return the body of a booking for Tuesday at 9."""
        return {
            "doctor_id": details.pop("doctor_id", None) or self.doctor(),
            "patient_id": details.pop("patient_id", None) or self.patient(),
            "date": "2026-03-03",
            "start_time": "09:00",
            **details,
        }

    def book(self, **details: object) -> dict[str, Any]:
        """Book a visit for Tuesday at 9; return it."""
        return self._made("/api/appointments", self.wish(**details))

    def cancel(self, visit: Mapping[str, Any]) -> None:
        """Cancel a visit; its time goes to whoever waits for it."""
        path = f"/api/appointments/{visit['id']}/cancel"
        response = self.post(path, {"cancellation_type": "patient-cancelled"})
        assert response.status_code == 200, response.json

    def series_wish(self, **details: object) -> dict[str, object]:
        """Return the body of a series: three Tuesdays at 9."""
        return self.wish(**{"rrule": "FREQ=WEEKLY;COUNT=3", **details})

    def book_series(self, **details: object) -> dict[str, Any]:
        """Book visits for three Tuesdays at 9; return the series."""
        return self._made("/api/appointment-series", self.series_wish(**details))

    def take_time_off(
        self, doctor_id: str, starts: str, ends: str, **details: object
    ) -> dict[str, Any]:
        """Let a doctor be off; return the time off."""
        body = {"starts": starts, "ends": ends, **details}
        return self._made(f"/api/doctors/{doctor_id}/time-off", body)

    def waiting_wish(self, **details: object) -> dict[str, object]:
        """Return the body of who waits for a time in March."""
        return {
            "patient_id": details.pop("patient_id", None) or self.patient(),
            "first_date": "2026-03-03",
            "last_date": "2026-03-31",
            **details,
        }

    def wait(self, **details: object) -> dict[str, Any]:
        """Put somebody on the waitlist for a time in March; return the entry."""
        return self._made("/api/waitlist", self.waiting_wish(**details))

    def questionnaire(self, **details: object) -> str:
        """Add a questionnaire about headaches; return the id of its new version."""
        path = "/api/intake/questionnaires"
        questionnaire_id: str = self._made(path, {**HEADACHES, **details})["id"]
        return questionnaire_id

    def send_form(self, **details: object) -> dict[str, Any]:
        """Make a form without a questionnaire; return it with its link."""
        patient_id = details.pop("patient_id", None) or self.patient()
        wish = {"patient_id": patient_id, **details}
        return self._made("/api/intake/forms", wish)

    def submit(self, form: Mapping[str, Any], **answers: object) -> dict[str, Any]:
        """Write down answers for the patient; return the form."""
        answers = answers or {"reason": "I have a headache."}
        path = f"/api/intake/forms/{form['id']}/submit"
        response = self.post(path, {"raw_answers": answers})
        assert response.status_code == 200, response.json
        submitted: dict[str, Any] = response.json
        return submitted

    def _made(self, path: str, body: object) -> dict[str, Any]:
        response = self.post(path, body)
        assert response.status_code == 201, response.json
        made: dict[str, Any] = response.json
        return made


@frozen
class Patient:
    """Somebody with the link to an intake form, and no account."""

    app: Flask
    token: str = field(repr=False)

    def request(
        self,
        method: str,
        json: object = None,
        step: str = "",
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        path = f"{PATIENT_LINK}/{self.token}{step}"
        # Always the same, so that two answers can be compared byte for byte.
        sent = {"X-Request-Id": "the-patient", **(headers or {})}
        response = self.app.test_client().open(
            path, method=method, json=json, headers=sent, **kwargs
        )
        conforms(self.app, method, path, response)
        return response

    def asked(self) -> TestResponse:
        return self.request("GET")

    def save(self, **answers: object) -> TestResponse:
        return self.request("PUT", {"answers": answers})

    def submit(self, **answers: object) -> TestResponse:
        return self.request("POST", {"answers": answers})

    def open_draft(self, birth_date: str) -> TestResponse:
        return self.request("POST", {"birth_date": birth_date}, "/draft")


DOCUMENT: Any = openapi.document(ROUTES)


def conforms(app: Flask, method: str, path: str, response: TestResponse) -> None:
    """Hold *response* against the OpenAPI document, if it has such a route."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(
            path.partition("?")[0], method
        )
    except HTTPException:
        return
    _, _, template = endpoint.partition(" ")
    if method in {"HEAD", "OPTIONS"} or template not in DOCUMENT["paths"]:
        return
    described = DOCUMENT["paths"][template][method.lower()]["responses"]
    assert str(response.status_code) in described, (endpoint, response.status)
    content = described[str(response.status_code)].get("content")
    if content is None:
        assert response.data == b""
        return
    (media_type,) = content
    assert response.content_type == media_type
    validator = _validator(template, method.lower(), response.status_code)
    is_json = media_type.endswith("json")
    validator.validate(json.loads(response.data) if is_json else response.text)


@cache
def _validator(template: str, method: str, status: int) -> Draft202012Validator:
    described = DOCUMENT["paths"][template][method]["responses"][str(status)]
    (media,) = described["content"].values()
    schema = {**media["schema"], "components": DOCUMENT["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker(["uuid", "date"]))


def problem(response: TestResponse) -> tuple[int, str]:
    """Return status and code of a problem, whose shape is checked."""
    assert response.content_type == "application/problem+json"
    body = response.json
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:problem-type:clinicflow:{body['code']}"
    assert body["title"]
    assert body["detail"]
    return response.status_code, body["code"]


def wrong(response: TestResponse) -> list[tuple[str, str]]:
    """Return where a request was wrong, as (in, pointer)."""
    assert problem(response) == (422, "invalid-request")
    return [(error["in"], error["pointer"]) for error in response.json["errors"]]
