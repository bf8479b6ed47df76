from __future__ import annotations

import json
import re

from jsonschema import Draft202012Validator

from clinicflow_flask.pages.site import PAGES
from tests.flask.desk import DOCUMENT


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_document_names_every_route_and_no_other(app):
    routed = set()
    for_people = {page.endpoint for page in PAGES}
    for_people |= {"swagger_ui.show", "pages.GET /static/{name}"}
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in for_people:
            path = re.sub("<(?:uuid|string):([a-z_]+)>", r"{\1}", rule.rule)
            methods = rule.methods - {"HEAD", "OPTIONS"}
            routed |= {(method, path) for method in methods}

    assert {(method, path) for method, path, _ in operations()} == routed


def test_the_document_is_served_to_anybody(app):
    response = app.test_client().get("/openapi.json")

    assert response.status_code == 200
    assert response.json == json.loads(json.dumps(DOCUMENT))
    assert response.json["openapi"].startswith("3.1.")
    assert response.json["info"]["title"] == "ClinicFlow API"


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere():
    text = json.dumps(DOCUMENT)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names == set(DOCUMENT["components"]["schemas"])


def test_every_schema_is_a_schema():
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_name_is_in_snake_case_and_none_is_only_pythons():
    schemas = DOCUMENT["components"]["schemas"].values()
    names = {name for schema in schemas for name in schema.get("properties", ())}
    for _, _, operation in operations():
        names |= {p["name"] for p in operation["parameters"] if p["in"] != "header"}

    assert "from" in names
    odd = re.compile(r"(?![a-z]+([_0-9][a-z0-9]+)*\Z)")
    assert [name for name in names if odd.match(name)] == []


def test_every_placeholder_is_described():
    for _, path, operation in operations():
        named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part[:1] == "{"}


def test_who_needs_to_be_signed_in_is_told_what_happens_otherwise():
    for _, _, operation in operations():
        assert bool(operation["security"]) <= ("401" in operation["responses"])
