"""The clinic of whoever is signed in."""

from __future__ import annotations

from clinicflow_core.desk import accounts
from clinicflow_core.errors import StaleVersionError
from clinicflow_flask.routes import Route

ROUTES = (
    Route("GET", "/api/clinic", accounts.clinic, "Show the clinic"),
    Route(
        "PATCH",
        "/api/clinic",
        accounts.change_clinic,
        "Change facts about the clinic",
        refuses=(StaleVersionError,),
    ),
)
