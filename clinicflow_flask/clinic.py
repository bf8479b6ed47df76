"""The clinic of whoever is signed in."""

from __future__ import annotations

from clinicflow_core.desk import accounts, policies
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
    Route(
        "GET",
        "/api/clinic/scheduling-policy",
        policies.policy,
        "Show what the clinic asks of its diary",
    ),
    Route(
        "PUT",
        "/api/clinic/scheduling-policy",
        policies.set_policy,
        "Replace what the clinic asks of its diary",
        refuses=(StaleVersionError,),
    ),
)
