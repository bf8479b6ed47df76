from __future__ import annotations

import pytest
from attrs import evolve

from clinicflow_flask import create_app
from tests.flask.desk import DOCUMENT, UNKNOWN, Desk, problem


@pytest.fixture
def counting(settings, store):
    return create_app(evolve(settings, metrics=True), store)


def figures(app):
    response = app.test_client().get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    return response.text.splitlines()


def test_there_are_no_figures_unless_they_are_asked_for(app):
    assert problem(app.test_client().get("/metrics")) == (404, "not-found")
    assert "/metrics" not in DOCUMENT["paths"]


def test_requests_are_counted_by_method_route_and_status(counting):
    client = counting.test_client()
    for _ in range(2):
        client.get("/health")
    client.get(f"/api/doctors/{UNKNOWN}")
    client.get("/api/nowhere")
    client.open("/health", method="BREW")

    lines = figures(counting)

    for labels, count in {
        'method="GET",route="/health",status="200"': 2,
        'method="GET",route="/api/doctors/{doctor_id}",status="401"': 1,
        'method="GET",route="",status="404"': 1,
        'method="OTHER",route="",status="405"': 1,
    }.items():
        assert f"clinicflow_requests_total{{{labels}}} {count}.0" in lines
        assert (
            f"clinicflow_request_duration_seconds_count{{{labels}}} {count}.0" in lines
        )


def test_no_figure_names_anybody_or_anything(counting, store):
    from clinicflow_core.entities.user import Role

    desk = Desk.opened(counting, store, Role.OWNER, None)
    visit = desk.book()
    desk.get(f"/api/appointments/{visit['id']}?x=qzmark")
    desk.get("/api/qzmark")
    desk.request("QZMARK", "/api/doctors")

    text = "\n".join(figures(counting)).lower()

    assert "/api/appointments/{appointment_id}" in text
    for told in (visit["id"], visit["patient_id"], "qzmark", "ann"):
        assert told not in text


def test_each_service_counts_for_itself(counting, settings, store):
    counting.test_client().get("/health")

    other = create_app(evolve(settings, metrics=True), store)

    assert not any("/health" in line for line in figures(other))
