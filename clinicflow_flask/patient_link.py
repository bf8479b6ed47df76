"""The patient's side of an intake form: whoever has its link, without an account."""

from __future__ import annotations

from clinicflow_core.desk import patient_link
from clinicflow_core.errors import BirthDateRefusedError
from clinicflow_flask.answers import PATIENT_LINK
from clinicflow_flask.routes import Route

_PATH = f"{PATIENT_LINK}/{{token}}"

ROUTES = (
    Route("GET", _PATH, patient_link.questions, "Show what the patient is asked"),
    Route("PUT", _PATH, patient_link.save_draft, "Keep what is filled in so far"),
    Route("POST", _PATH, patient_link.submit, "Hand the answers to the clinic"),
    Route(
        "POST",
        f"{_PATH}/draft",
        patient_link.open_draft,
        "Show what is filled in so far, to whoever knows the birth date on record; it "
        "can be given wrong five times",
        refuses=(BirthDateRefusedError,),
    ),
)
