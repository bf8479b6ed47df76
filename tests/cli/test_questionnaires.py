from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell

NOBODY = "00000000-0000-4000-8000-000000000000"
SMOKING = {
    "resourceType": "Questionnaire",
    "status": "active",
    "name": "smoking",
    "title": "Smoking",
    "item": [
        {
            "linkId": "smoker",
            "type": "choice",
            "text": "Do you smoke?",
            "answerValueSet": "http://example.org/yes-no",
        }
    ],
}
YES_NO = {
    "resourceType": "ValueSet",
    "status": "active",
    "url": "http://example.org/yes-no",
    "compose": {
        "include": [
            {
                "system": "http://example.org/answers",
                "concept": [
                    {"code": "y", "display": "Yes"},
                    {"code": "n", "display": "No"},
                ],
            }
        ]
    },
}
COUGH = {
    **SMOKING,
    "name": "cough",
    "title": "Cough",
    "item": [{"linkId": "since", "type": "string", "text": "Since when?"}],
}


def written(folder: Path, name: str, document: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(document), "utf-8")
    return str(path)


def test_a_new_clinic_has_the_standard_questionnaire(clinic: Shell):
    told = clinic.says("questionnaire", "list")

    assert told.splitlines()[2].startswith("intake")
    (standard,) = clinic.answers("questionnaire", "list")["items"]
    assert standard["version"] == 1


def test_what_is_imported_is_asked_and_importing_it_again_adds_nothing(clinic: Shell):
    told = clinic.says("questionnaire", "import", "-", typed=json.dumps(COUGH))
    again = clinic.answers("questionnaire", "import", "-", typed=json.dumps(COUGH))

    assert told == f"cough is at version 1 ({again['id']}).\n"
    assert again["version"] == 1


def test_what_is_asked_otherwise_becomes_the_next_version(clinic: Shell):
    other = {**COUGH, "title": "Your cough"}
    clinic.says("questionnaire", "import", "-", typed=json.dumps(COUGH))

    added = clinic.answers("questionnaire", "import", "-", typed=json.dumps(other))

    assert added["version"] == 2
    versions = [
        each["version"]
        for each in clinic.answers("questionnaire", "list")["items"]
        if each["definition"]["name"] == "cough"
    ]
    assert versions == [2, 1]
    exported = json.loads(clinic.says("questionnaire", "export", "cough"))
    assert exported["title"] == "Your cough"


def test_options_come_from_the_value_sets_beside_it(clinic: Shell, tmp_path: Path):
    questionnaire = written(tmp_path, "smoking.json", SMOKING)
    value_set = written(tmp_path, "yes-no.json", YES_NO)

    refused = clinic.refuses("questionnaire", "import", questionnaire)
    added = clinic.answers(
        "questionnaire", "import", questionnaire, "--value-set", value_set
    )

    assert "http://example.org/yes-no" in refused
    (smoker,) = added["definition"]["items"]
    assert [option["code"] for option in smoker["options"]] == ["y", "n"]


@pytest.mark.parametrize("form", ["fhir", "clinicflow"])
def test_what_is_exported_can_be_imported_elsewhere(clinic: Shell, form: str):
    other = clinic.sets_up("Lake Clinic", "owner@lake.example")["clinic"]["id"]
    one = clinic.answers("clinic", "--clinic", other)["id"]
    clinics = [
        each["id"]
        for each in json.loads(clinic.refuses("questionnaire", "list", "--json"))[
            "clinics"
        ]
    ]
    here = next(key for key in clinics if key != one)
    clinic.says(
        *("questionnaire", "import", "-", "--clinic", here), typed=json.dumps(COUGH)
    )

    exported = clinic.says(
        *("questionnaire", "export", "cough", "--format", form, "--clinic", here)
    )
    added = clinic.answers(
        *("questionnaire", "import", "-", "--clinic", other), typed=exported
    )

    (there,) = clinic.answers("questionnaire", "list", "--clinic", here)["items"][:1]
    assert added["definition"] == there["definition"]


def test_what_cannot_be_asked_here_is_named_all_at_once(clinic: Shell):
    wrong = {
        **COUGH,
        "item": [
            {"linkId": "photo", "type": "attachment", "text": "A photo?"},
            {"linkId": "x", "type": "nonsense", "text": "What?"},
        ],
    }

    told = clinic.refuses("questionnaire", "import", "-", typed=json.dumps(wrong))
    as_json = json.loads(
        clinic.refuses(
            "questionnaire", "import", "-", "--json", typed=json.dumps(wrong)
        )
    )

    first, *rest = told.splitlines()
    assert first == "Error: The document cannot be taken as it is:"
    assert [line.partition(":")[0] for line in rest] == [
        "  /item/0/type",
        "  /item/1/type",
    ]
    assert [each["pointer"] for each in as_json["errors"]] == [
        "/item/0/type",
        "/item/1/type",
    ]
    names = {
        each["definition"]["name"]
        for each in clinic.answers("questionnaire", "list")["items"]
    }
    assert names == {"intake"}


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        pytest.param("{", "Error: Not JSON at line 1", id="no JSON"),
        pytest.param('{"a": 1, "a": 2}', "the same key twice", id="a key twice"),
        pytest.param("", "Error: Empty", id="nothing"),
    ],
)
def test_what_is_no_json_is_said_so(clinic: Shell, typed: str, complaint: str):
    assert complaint in clinic.refuses("questionnaire", "import", "-", typed=typed)


def test_what_is_no_object_is_wrong_usage(clinic: Shell):
    told = clinic.misunderstands("questionnaire", "import", "-", typed="[]")

    assert "FILE: must be" in told


def test_a_file_that_is_not_there_is_wrong_usage(clinic: Shell):
    assert "nowhere.json" in clinic.misunderstands(
        "questionnaire", "import", "nowhere.json"
    )


@pytest.mark.parametrize("words", ["nothing", NOBODY])
def test_an_unknown_questionnaire_is_not_there(clinic: Shell, words: str):
    assert "There is no questionnaire" in clinic.refuses(
        "questionnaire", "export", words
    )


def test_all_pages_of_questionnaires_are_listed(
    clinic: Shell, monkeypatch: pytest.MonkeyPatch
):
    from clinicflow_cli import people

    clinic.says("questionnaire", "import", "-", typed=json.dumps(COUGH))
    monkeypatch.setattr(people, "_AT_ONCE", 1)

    assert len(clinic.answers("questionnaire", "list")["items"]) == 2
