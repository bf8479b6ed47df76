from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core import wire
from clinicflow_core.entities.ids import FormId, PatientId, QuestionnaireId
from clinicflow_core.entities.intake import FormStatus, IntakeForm
from clinicflow_core.entities.questionnaire import (
    Code,
    Kind,
    Option,
    OptionType,
    Questionnaire,
)
from clinicflow_core.entities.summary import Facet, Topic
from clinicflow_core.errors import InvalidError
from clinicflow_core.intake.answers import check_answers
from clinicflow_core.intake.scores import scores_of
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.interchange.questionnaires import (
    read_definition,
    read_questionnaire,
    write_questionnaire,
    write_response,
)
from tests.builders import NOW
from tests.core.intake.asking import (
    answers_to,
    asks,
    choice,
    definitions,
    entries,
    group,
    question,
    scale,
    when,
)
from tests.core.interchange import r4

DATA = Path(__file__).parents[2] / "data" / "questionnaires"
HL7 = "http://hl7.org/fhir/StructureDefinition/"
LOINC = "http://loinc.org"
YES_NO = "http://hl7.org/fhir/ValueSet/yesnodontknow"
TEXT = {"linkId": "q", "type": "string"}
CHOICE = {"linkId": "q", "type": "choice"}
RED = {"valueCoding": {"code": "red"}}


def example(name):
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))


def fhir(*items, **elements):
    """Return a Questionnaire of these items."""
    return {
        "resourceType": "Questionnaire",
        "status": "active",
        "name": "intake",
        "title": "Intake",
        "item": list(items),
        **elements,
    }


def read(*items, **elements):
    return read_questionnaire(fhir(*items, **elements))


def problems_of(document, value_sets=()):
    with pytest.raises(InvalidError) as refused:
        read_questionnaire(document, value_sets)
    return {problem.pointer: problem.detail for problem in refused.value.problems}


def bundle(*resources):
    return {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}


def value_set(url, *codes, **elements):
    include = {"system": "urn:s", "concept": [{"code": code} for code in codes]}
    return {
        "resourceType": "ValueSet",
        "url": url,
        "compose": {"include": [include]},
        **elements,
    }


def codes_of(asked):
    return [option.code for option in asked.options]


def version_of(definition, **fields):
    defaults = {
        "id": QuestionnaireId(UUID(int=7)),
        "definition": definition,
        "created_at": NOW,
    }
    return Questionnaire(**defaults | fields)


def form(answers=None, **fields):
    defaults = {
        "id": FormId(UUID(int=1)),
        "patient_id": PatientId(UUID(int=2)),
        "raw_answers": answers or {},
        "status": FormStatus.SUBMITTED,
        "submitted_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return IntakeForm(**defaults | fields)


def items_of(definition, answers):
    """Return the items of the response to these answers."""
    return write_response(form(answers), version_of(definition)).get("item", [])


def value_of(asked, answer):
    (item,) = items_of(asks(asked), {asked.link_id: answer})
    return item["answer"]


@given(definitions())
def test_what_is_written_is_read_as_it_was(definition):
    written = write_questionnaire(version_of(definition))

    assert read_questionnaire(json.loads(json.dumps(written))) == definition


@given(definitions())
def test_what_is_written_is_as_fhir_says(definition):
    assert r4.mistakes(write_questionnaire(version_of(definition))) == []


@given(st.data())
def test_answers_are_written_as_fhir_says(data):
    definition = data.draw(definitions())
    raw = data.draw(answers_to(definition))
    answers = check_answers(definition, raw, complete=False).answers

    written = write_response(form(answers), version_of(definition))

    assert r4.mistakes(written) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-9, 9)
    | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_free_answers_are_written_as_fhir_says(answers):
    assert r4.mistakes(write_response(form(answers), None)) == []


@pytest.mark.parametrize(
    "name",
    [
        "Questionnaire-3141",
        "Questionnaire-bb",
        "Questionnaire-f201",
        "Questionnaire-gcs",
        "Questionnaire-phq-9-questionnaire",
        "Questionnaire-zika-virus-exposure-assessment",
        "QuestionnaireResponse-3141",
        "QuestionnaireResponse-bb",
        "QuestionnaireResponse-f201",
        "QuestionnaireResponse-gcs",
    ],
)
def test_hl7s_schema_takes_hl7s_own_examples(name):
    assert r4.mistakes(example(name)) == []


@pytest.mark.parametrize(
    "spoilt",
    [{"status": "finished"}, {"item": [{"answer": []}]}, {"colour": "red"}],
    ids=["a wrong code", "an item without its link id", "an unknown element"],
)
def test_hl7s_schema_refuses_what_is_none_of_its_responses(spoilt):
    assert r4.mistakes(example("QuestionnaireResponse-bb") | spoilt) != []


def test_the_standard_questionnaire_goes_out_and_comes_back():
    written = write_questionnaire(version_of(standard_definition(), version=3))

    assert r4.mistakes(written) == []
    assert read_definition(written) == standard_definition()
    assert written["version"] == "3"


@pytest.mark.parametrize(
    ("name", "title", "places"),
    [
        ("bb", "NSW Government My Personal Health Record", 14),
        ("f201", "Lifelines Questionnaire 1 part 1", 9),
        ("gcs", "Glasgow Coma Score", 3),
        ("phq-9-questionnaire", "Patient Health Questionnaire (PHQ-9)", 10),
        ("zika-virus-exposure-assessment", "Example Zika Virus Exposure Assessment", 6),
    ],
)
def test_hl7s_examples_are_read(name, title, places):
    definition = read_definition(example(f"Questionnaire-{name}"))

    assert definition.title == title
    assert len(list(definition.places)) == places
    assert read_definition(write_questionnaire(version_of(definition))) == definition


def test_hl7s_cancer_questionnaire_lacks_the_options_of_one_choice():
    document = example("Questionnaire-3141")

    assert problems_of(document) == {
        "/item/1/item/0/item/0/answerOption": "is required: a choice needs options"
    }


def test_hl7s_example_without_link_ids_is_refused_and_says_so():
    problems = problems_of(example("Questionnaire-qs1"))

    assert problems["/item/0/item/0/linkId"] == "is required"
    assert sum(pointer.endswith("/linkId") for pointer in problems) == 32


def test_a_patient_intake_form_names_every_value_set_that_it_needs():
    document = example("patient-intake-questionnaire")

    problems = problems_of(document)

    assert len(problems) == 20
    assert problems["/entry/0/resource/item/2/item/0/answerValueSet"] == (
        "needs the value set"
        " http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.113762.1.4.1186.8"
    )


@pytest.mark.parametrize("way", ["beside it", "in the Bundle"])
def test_a_patient_intake_form_is_read_once_it_has_its_value_sets(way):
    document = example("patient-intake-questionnaire")
    needed = {
        d.removeprefix("needs the value set ") for d in problems_of(document).values()
    }
    sets = [
        value_set(url, "self", "other", "injured", "77386006", "x") for url in needed
    ]
    for each in sets:
        del each["compose"]["include"][0]["system"]

    if way == "beside it":
        definition = read_questionnaire(document, sets)
    else:
        document["entry"] += [{"resource": each} for each in sets]
        definition = read_definition(document)

    assert definition.name == "patient-intake"
    assert len(list(definition.places)) == 80


def test_phq_9_without_its_ninth_question_scores_as_phq_8():
    definition = read_definition(example("Questionnaire-phq-9-questionnaire"))
    answers = dict.fromkeys(definition.scores[0].questions, "LA6570-1")

    (score,) = scores_of(definition, answers)

    assert (score.name, score.total, score.maximum) == ("phq-8", 16, 24)
    assert score.band == "Moderately severe depression"
    assert definition.totals == {"TotalScore"}
    (total,) = [i for i in items_of(definition, answers) if i["linkId"] == "TotalScore"]
    assert total["answer"] == [{"valueInteger": 16}]


def panel(code, *questions):
    options = "http://loinc.org/vs/LL358-3"
    items = [
        {
            "linkId": f"q{loinc}",
            "type": "choice",
            "code": [{"system": LOINC, "code": loinc}],
            "answerValueSet": options,
        }
        for loinc in questions
    ]
    coded = [{"system": LOINC, "code": code}]
    return {"linkId": f"g{code}", "type": "group", "code": coded, "item": items}


PHQ_9 = panel(
    "44249-1",
    *("44250-9", "44255-8", "44259-0", "44254-1", "44251-7"),
    *("44258-2", "44252-5", "44253-3", "44260-8"),
)
GAD_7 = panel(
    "69737-5",
    *("69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7"),
)


@pytest.mark.parametrize(
    ("group", "name", "maximum", "bands"),
    [
        pytest.param(
            PHQ_9,
            "phq-9",
            27,
            {0: "Minimal", 5: "Mild", 10: "Moderate", 15: "Moderately severe"},
            id="PHQ-9",
        ),
        pytest.param(
            GAD_7,
            "gad-7",
            21,
            {4: "Minimal", 5: "Mild", 10: "Moderate", 15: "Severe"},
            id="GAD-7",
        ),
    ],
)
def test_known_scores_are_known_by_loincs_codes(group, name, maximum, bands):
    definition = read(group)
    codes = [f"LA65{n}" for n in ("68-5", "69-3", "70-1", "71-9")]
    asked = definition.scores[0].questions

    for total, band in bands.items():
        left, answers = total, {}
        for link_id in asked:
            answers[link_id] = codes[min(left, 3)]
            left -= min(left, 3)
        (score,) = scores_of(definition, answers)
        assert (score.name, score.total, score.maximum) == (name, total, maximum)
        assert score.band.startswith(f"{band} ")


def test_a_panel_that_lacks_questions_scores_nothing():
    assert read(panel("69737-5", "69725-0")).scores == ()


def test_loincs_answers_count_what_they_always_do():
    spoken = panel("55757-9", "44250-9", "44255-8")
    for item in spoken["item"]:
        del item["answerValueSet"]
        item["answerOption"] = [
            {"valueCoding": {"system": LOINC, "code": code}}
            for code in ("LA6568-5", "LA6571-9")
        ]

    definition = read(spoken)

    (score,) = scores_of(definition, {"q44250-9": "LA6571-9", "q44255-8": "LA6568-5"})
    assert (score.name, score.total, score.maximum) == ("phq-2", 3, 6)
    assert read_questionnaire(write_questionnaire(version_of(definition))) == definition


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"answerValueSet": YES_NO}, id="answers that count nothing"),
        pytest.param({"repeats": True}, id="several answers"),
        pytest.param({"type": "open-choice"}, id="answers in words"),
    ],
)
def test_what_cannot_be_added_up_has_no_score_and_is_read_all_the_same(change):
    spoken = panel("55757-9", "44250-9", "44255-8")
    spoken["item"][1] |= change

    assert read(spoken).scores == ()


def test_a_panel_in_a_list_has_no_one_score():
    assert read(panel("55757-9", "44250-9", "44255-8") | {"repeats": True}).scores == ()


def test_our_own_json_is_read_too():
    definition = asks(question("q", text="Why?"))

    assert read_definition(wire.dump(definition)) == definition


@pytest.mark.parametrize(
    "document",
    [None, [], "x", {}, {"name": "x", "title": "X", "items": []}],
    ids=["null", "a list", "a text", "an empty object", "no questions"],
)
def test_what_is_no_questionnaire_is_refused(document):
    with pytest.raises(InvalidError):
        read_definition(document)


def test_what_nests_too_deeply_is_refused_before_it_is_looked_at():
    document = {}
    for _ in range(5000):
        document = {"resourceType": "Questionnaire", "item": [document]}

    for read_it in (read_definition, read_questionnaire):
        with pytest.raises(InvalidError, match="nested too deeply"):
            read_it(document)


ODD = st.sampled_from(
    [None, True, 7, -1, 0.5, float("inf"), 10**400, 2**63, "", "x", "\0", [], [[]], {}]
)
WHOLE = [
    example("Questionnaire-gcs"),
    example("Questionnaire-phq-9-questionnaire"),
    example("Questionnaire-bb"),
    fhir(
        {
            **CHOICE,
            "answerOption": [
                {
                    "valueInteger": 3,
                    "extension": [{"url": f"{HL7}ordinalValue", "valueDecimal": 3}],
                },
                RED,
            ],
            "extension": [
                {"url": "urn:clinicflow:topic", "valueCode": "allergies"},
                {"url": f"{HL7}minValue", "valueInteger": 1},
                {"url": f"{HL7}questionnaire-unit", "valueCoding": {"code": "kg"}},
            ],
        },
        {
            **TEXT,
            "linkId": "r",
            "enableWhen": [{"question": "q", "operator": "=", "answerInteger": 3}],
        },
        extension=[
            write_questionnaire(version_of(standard_definition()))["extension"][0]
        ],
    ),
]


@given(st.data())
def test_however_a_questionnaire_is_spoilt_it_is_read_or_refused(data):
    document = json.loads(json.dumps(data.draw(st.sampled_from(WHOLE))))
    for _ in range(data.draw(st.integers(1, 2))):
        place = document
        while data.draw(st.integers(0, 4)) and isinstance(
            inner := _some(place, data), (dict, list)
        ):
            place = inner
        key = data.draw(st.sampled_from(_keys(place) or [0]))
        if place:
            place[key] = data.draw(ODD)

    try:
        definition = read_definition(document)
    except InvalidError:
        return
    written = write_questionnaire(version_of(definition))
    assert read_questionnaire(written) == definition


def _keys(place):
    return list(place) if isinstance(place, dict) else list(range(len(place)))


def _some(place, data):
    keys = _keys(place)
    return place[data.draw(st.sampled_from(keys))] if keys else None


def test_items_nest_eight_levels_deep():
    nested = {"linkId": "0", "type": "string"}
    for n in range(1, 9):
        nested = {"linkId": str(n), "type": "group", "item": [nested]}

    (pointer,) = problems_of(fhir(nested))

    assert pointer == "/item/0" * 9


@pytest.mark.parametrize(
    ("item", "found"),
    [
        pytest.param(
            {"type": "string", "text": "Why?", "prefix": "1a"},
            question("q", text="Why?", prefix="1a"),
            id="a question",
        ),
        pytest.param(
            {"type": "text", "required": True, "repeats": True, "maxLength": 9},
            question("q", "text", required=True, repeats=True, max_length=9),
            id="its limits",
        ),
        pytest.param(
            {
                "type": "string",
                "repeats": True,
                "extension": [
                    {"url": f"{HL7}questionnaire-minOccurs", "valueInteger": 2},
                    {"url": f"{HL7}questionnaire-maxOccurs", "valueInteger": 3},
                ],
            },
            question("q", repeats=True, min_occurs=2, max_occurs=3),
            id="how many answers",
        ),
        pytest.param(
            {
                "type": "integer",
                "extension": [
                    {"url": f"{HL7}minValue", "valueInteger": 0},
                    {"url": f"{HL7}maxValue", "valueInteger": 10},
                ],
            },
            question("q", "integer", min_value=0.0, max_value=10.0),
            id="limits of a number",
        ),
        pytest.param(
            {
                "type": "decimal",
                "extension": [
                    {"url": f"{HL7}minValue", "valueDecimal": 0.5},
                    {
                        "url": f"{HL7}questionnaire-unit",
                        "valueCoding": {
                            "code": "kg",
                            "system": "http://unitsofmeasure.org",
                        },
                    },
                ],
            },
            question(
                "q",
                "decimal",
                min_value=0.5,
                units=(Code(code="kg", system="http://unitsofmeasure.org"),),
            ),
            id="a unit",
        ),
        pytest.param(
            {
                "type": "date",
                "extension": [
                    {"url": f"{HL7}minValue", "valueDate": "2026-01-01"},
                    {"url": f"{HL7}maxValue", "valueDate": "2026-12-31"},
                ],
            },
            question("q", "date", earliest=date(2026, 1, 1), latest=date(2026, 12, 31)),
            id="limits of a day",
        ),
        pytest.param(
            {
                "type": "dateTime",
                "extension": [{"url": f"{HL7}minValue", "valueDateTime": "2026-01-01"}],
            },
            question("q", "dateTime", earliest=date(2026, 1, 1)),
            id="the first day",
        ),
        pytest.param(
            {
                "type": "string",
                "extension": [
                    {"url": "urn:clinicflow:topic", "valueCode": "allergies"},
                    {"url": "urn:clinicflow:facet", "valueCode": "name"},
                ],
            },
            question("q", topic=Topic.ALLERGIES, facet=Facet.NAME),
            id="what it is about",
        ),
        pytest.param(
            {
                "type": "choice",
                "answerOption": [
                    {"valueString": "red"},
                    {
                        "valueInteger": 3,
                        "extension": [
                            {"url": f"{HL7}ordinalValue", "valueDecimal": 3.0}
                        ],
                    },
                    {
                        "valueCoding": {
                            "code": "b",
                            "display": "Blue",
                            "extension": [
                                {"url": f"{HL7}ordinalValue", "valueDecimal": 1}
                            ],
                        }
                    },
                ],
            },
            question(
                "q",
                "choice",
                options=(
                    Option(code="red", type=OptionType.STRING),
                    Option(code="3", type=OptionType.INTEGER, score=3),
                    Option(code="b", display="Blue", score=1),
                ),
            ),
            id="options",
        ),
        pytest.param(
            {
                "type": "string",
                "id": "x",
                "definition": "http://example.org#q",
                "extension": [{"url": "urn:other", "valueString": "x"}],
            },
            question("q", extensions=({"url": "urn:other", "valueString": "x"},)),
            id="what others say of it",
        ),
        pytest.param(
            {"type": "reference", "text": "Your pharmacy"},
            question("q", "reference", text="Your pharmacy"),
            id="a reference",
        ),
    ],
)
def test_an_item_becomes_a_question(item, found):
    definition = read({"linkId": "q", **item})

    assert definition.items == (found,)
    assert read_questionnaire(write_questionnaire(version_of(definition))) == definition


@pytest.mark.parametrize(
    ("item", "pointer", "detail"),
    [
        pytest.param({"type": "string"}, "/linkId", "is required", id="no link id"),
        pytest.param({"linkId": "q"}, "/type", "is required", id="no type"),
        pytest.param(
            {"linkId": "q", "item": [TEXT | {"linkId": "r"}]},
            "/type",
            "is required",
            id="a group of no type",
        ),
        pytest.param(
            {"linkId": "q", "type": "attachment"}, "/type", "attachment", id="a file"
        ),
        pytest.param(TEXT | {"text": 7}, "/text", "must be text", id="a text of 7"),
        pytest.param(
            TEXT | {"required": "yes"}, "/required", "true or false", id="required: yes"
        ),
        pytest.param(TEXT | {"maxLength": 1.5}, "/maxLength", "whole", id="a half"),
        pytest.param(
            TEXT | {"maxLength": 2**63}, "/maxLength", "64 bits", id="65 bits"
        ),
        pytest.param(TEXT | {"maxLength": 0}, "/maxLength", "between", id="no length"),
        pytest.param(TEXT | {"item": {}}, "/item", "must be a list", id="an item"),
        pytest.param(TEXT | {"item": [7]}, "/item/0", "must be an object", id="item 7"),
        pytest.param(TEXT | {"initial": []}, "/initial", "outside", id="initial"),
        pytest.param(
            TEXT | {"modifierExtension": [{"url": "x"}]},
            "/modifierExtension",
            "outside",
            id="what changes its meaning",
        ),
        pytest.param(TEXT | {"a/b": 1}, "/a~1b", "outside", id="an unknown element"),
        pytest.param(
            TEXT | {"_text": {"extension": [{"url": "urn:x"}]}},
            "/_text/extension/0",
            "urn:x is not supported",
            id="what others say of its text",
        ),
        pytest.param(TEXT | {"_text": 7}, "/_text", "must be an object", id="7 of it"),
        pytest.param(
            TEXT | {"readOnly": True}, "/readOnly", "total of a score", id="read only"
        ),
        pytest.param(
            TEXT | {"extension": [{"url": f"{HL7}questionnaire-hidden"}]},
            "/extension/0",
            "questionnaire-hidden is not supported",
            id="hidden",
        ),
        pytest.param(
            TEXT | {"extension": [{"url": f"{HL7}cqf-expression"}]},
            "/extension/0",
            "total of a score",
            id="an expression",
        ),
        pytest.param(
            TEXT | {"extension": [{}]}, "/extension/0/url", "is required", id="no url"
        ),
        pytest.param(
            TEXT | {"extension": [{"url": "urn:clinicflow:topic"}]},
            "/extension/0/valueCode",
            "is required",
            id="no topic",
        ),
        pytest.param(
            TEXT | {"extension": [{"url": "urn:clinicflow:topic", "valueCode": "x"}]},
            "/extension",
            "must be one of",
            id="no such topic",
        ),
        pytest.param(
            TEXT | {"extension": [{"url": f"{HL7}minValue", "valueTime": "09:00:00"}]},
            "/extension/0/valueTime",
            "outside",
            id="the least time",
        ),
        pytest.param(
            TEXT | {"extension": [{"url": f"{HL7}minValue"}]},
            "/extension/0/value[x]",
            "is required",
            id="no least value",
        ),
        pytest.param(
            TEXT
            | {"extension": [{"url": f"{HL7}questionnaire-unit", "valueCoding": 7}]},
            "/extension/0/valueCoding",
            "must be an object",
            id="a unit of 7",
        ),
        pytest.param(
            CHOICE, "/answerOption", "a choice needs options", id="no options"
        ),
        pytest.param(
            CHOICE | {"answerValueSet": "http://x.org/vs"},
            "/answerValueSet",
            "needs the value set http://x.org/vs",
            id="an unknown value set",
        ),
        pytest.param(
            CHOICE
            | {
                "answerValueSet": "http://loinc.org/vs/LL358-3",
                "answerOption": [RED],
            },
            "/answerValueSet",
            "beside answerOption",
            id="options twice",
        ),
        pytest.param(
            CHOICE | {"answerOption": [RED, RED]},
            "/answerOption/1/code",
            "another option",
            id="one code twice",
        ),
        pytest.param(
            CHOICE | {"answerOption": [{}]},
            "/answerOption/0/value[x]",
            "is required",
            id="an option of nothing",
        ),
        pytest.param(
            CHOICE | {"answerOption": [{"valueString": "a", "valueInteger": 1}]},
            "/answerOption/0/value[x]",
            "must be there once",
            id="an option of two things",
        ),
        pytest.param(
            CHOICE | {"answerOption": [{"valueDate": "2026-01-01"}]},
            "/answerOption/0/valueDate",
            "outside",
            id="a day as an option",
        ),
        pytest.param(
            CHOICE | {"answerOption": [RED | {"initialSelected": True}]},
            "/answerOption/0/initialSelected",
            "outside",
            id="an option that is chosen already",
        ),
        pytest.param(
            CHOICE | {"answerOption": [{"valueCoding": 7}]},
            "/answerOption/0/valueCoding",
            "must be an object",
            id="a coding of 7",
        ),
        pytest.param(
            CHOICE | {"answerOption": [{"valueCoding": {"display": "Red"}}]},
            "/answerOption/0/valueCoding/code",
            "is required",
            id="an option without a code",
        ),
        pytest.param(
            CHOICE | {"answerOption": [RED | {"extension": [{"url": "urn:x"}]}]},
            "/answerOption/0/extension/0",
            "urn:x is not supported",
            id="what others say of an option",
        ),
        pytest.param(
            CHOICE
            | {
                "answerOption": [
                    {
                        "valueString": "a",
                        "extension": [
                            {"url": f"{HL7}ordinalValue", "valueDecimal": 0.5}
                        ],
                    }
                ]
            },
            "/answerOption/0/extension/0/valueDecimal",
            "whole number",
            id="an option that counts a half",
        ),
    ],
)
def test_what_lies_outside_is_refused_by_name_and_place(item, pointer, detail):
    problems = problems_of(fhir(item))

    assert list(problems) == [f"/item/0{pointer}"]
    assert detail in problems[f"/item/0{pointer}"]


def hanging(**condition):
    """Return a Questionnaire whose second question hangs on the first, a choice."""
    first = {"linkId": "a", "type": "choice", "answerOption": [RED]}
    first["answerOption"][0] = {"valueCoding": {"code": "red", "system": "urn:s"}}
    conditions = [{"question": "a", "operator": "=", **condition}]
    return fhir(first, TEXT | {"enableWhen": conditions})


@pytest.mark.parametrize(
    ("condition", "pointer", "detail"),
    [
        pytest.param({}, "/answer[x]", "is required", id="no answer"),
        pytest.param(
            {"answerQuantity": {}}, "/answerQuantity", "outside", id="a quantity"
        ),
        pytest.param(
            {"answerReference": {}}, "/answerReference", "outside", id="a reference"
        ),
        pytest.param(
            {"answerCoding": {"code": "blue"}}, "/answer", "options", id="no option"
        ),
        pytest.param(
            {"answerCoding": {"code": "red", "system": "urn:t"}},
            "/answerCoding/system",
            "that of the option",
            id="the option of another terminology",
        ),
        pytest.param(
            {"answerCoding": 7},
            "/answerCoding",
            "must be an object",
            id="a coding of 7",
        ),
        pytest.param(
            {"answerBoolean": True, "operator": "like"},
            "/operator",
            "must be one of",
            id="no such operator",
        ),
        pytest.param(
            {"answerBoolean": True, "operator": "exists", "other": 1},
            "/other",
            "outside",
            id="an unknown element",
        ),
        pytest.param(
            {"question": "q", "operator": "exists", "answerBoolean": True},
            "/question",
            "in turn",
            id="a loop",
        ),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(condition, pointer, detail):
    problems = problems_of(hanging(**condition))

    place = f"/item/1/enableWhen/0{pointer}"
    assert place in problems
    assert detail in problems[place]


@pytest.mark.parametrize(
    ("behavior", "detail"),
    [
        pytest.param(None, "is required where there are several", id="none of two"),
        pytest.param("some", "must be one of: all, any", id="another"),
    ],
)
def test_several_conditions_say_whether_all_or_any_must_hold(behavior, detail):
    exists = {"question": "a", "operator": "exists", "answerBoolean": True}
    item = TEXT | {"enableWhen": [exists, exists]}
    if behavior:
        item["enableBehavior"] = behavior

    problems = problems_of(fhir({"linkId": "a", "type": "string"}, item))

    assert list(problems) == ["/item/1/enableBehavior"]
    assert detail in problems["/item/1/enableBehavior"]


def test_a_condition_on_an_option_that_is_a_number_is_read():
    first = {"linkId": "a", "type": "choice", "answerOption": [{"valueInteger": 3}]}
    condition = {"question": "a", "operator": "=", "answerInteger": 3}

    definition = read(first, TEXT | {"enableWhen": [condition]})

    assert definition.items[1].enable_when[0].value == "3"
    written = write_questionnaire(version_of(definition))
    assert written["item"][1]["enableWhen"] == [condition]


@pytest.mark.parametrize(
    ("ours", "theirs"), [("09:00", "09:00:00"), ("09:00:30", "09:00:30")]
)
def test_a_condition_on_a_time_goes_out_with_its_seconds(ours, theirs):
    condition = when("t", ">", ours)
    definition = asks(question("t", "time"), question("q", enable_when=condition))

    written = write_questionnaire(version_of(definition))

    assert written["item"][1]["enableWhen"][0]["answerTime"] == theirs
    assert read_questionnaire(written) == definition


def test_a_condition_on_an_address_goes_out_as_a_text():
    condition = when("u", "=", "urn:x")
    definition = asks(question("u", "url"), question("q", enable_when=condition))

    written = write_questionnaire(version_of(definition))

    assert r4.mistakes(written) == []
    assert read_questionnaire(written) == definition


def test_a_condition_on_what_the_patient_adds_to_a_choice_goes_out_as_words():
    colour = choice("colour", "red", kind="open-choice")
    conditions = when("colour", "=", "pink") + when("colour", "=", "red")
    definition = asks(colour, question("why", enable_when=conditions, enable_any=True))

    written = write_questionnaire(version_of(definition))

    assert written["item"][1]["enableWhen"] == [
        {"question": "colour", "operator": "=", "answerString": "pink"},
        {"question": "colour", "operator": "=", "answerCoding": {"code": "red"}},
    ]
    assert read_questionnaire(written) == definition


@pytest.mark.parametrize(
    ("elements", "pointer"),
    [
        pytest.param({"status": None}, "/status", id="no status"),
        pytest.param({"status": "done"}, "/status", id="no such status"),
        pytest.param({"subjectType": ["Device"]}, "/subjectType", id="of a device"),
        pytest.param({"subjectType": "Patient"}, "/subjectType", id="no list"),
        pytest.param({"item": []}, "/item", id="no question"),
        pytest.param({"implicitRules": "x"}, "/implicitRules", id="unknown rules"),
        pytest.param({"modifierExtension": []}, "/modifierExtension", id="modified"),
        pytest.param(
            {"contained": [{"resourceType": "Patient"}]},
            "/contained/0/resourceType",
            id="a contained patient",
        ),
        pytest.param({"code": [{"code": 7}]}, "/code/0/code", id="a code of 7"),
        pytest.param(
            {"extension": [{"url": f"{HL7}variable"}]}, "/extension/0", id="a variable"
        ),
        pytest.param(
            {
                "extension": [
                    {"url": "urn:clinicflow:score", "extension": [{"url": "x"}]}
                ]
            },
            "/extension/0/extension/0/url",
            id="a score of nothing",
        ),
    ],
)
def test_what_is_wrong_with_the_whole_is_refused_by_name(elements, pointer):
    document = {k: v for k, v in fhir(TEXT, **elements).items() if v is not None}

    assert pointer in problems_of(document)


def test_what_does_not_change_what_is_asked_is_read_and_not_kept():
    plain = read(TEXT)

    assert plain == read(
        TEXT | {"_text": {"extension": [{"url": f"{HL7}rendering-style"}]}},
        id="x",
        meta={"profile": ["x"]},
        text={"status": "generated", "div": "<div/>"},
        version="7",
        publisher="HL7",
        date="2026",
        useContext=[{}],
        subjectType=["Patient", "Device"],
    )


@pytest.mark.parametrize(
    ("elements", "name"),
    [
        pytest.param({"name": "intake"}, "intake", id="its name"),
        pytest.param({"name": "PatientIntake V2"}, "patient-intake-v2", id="in words"),
        pytest.param({"url": "http://x.org/Questionnaire/Intake"}, "intake", id="url"),
        pytest.param({"id": "a-1"}, "a-1", id="id"),
        pytest.param({"title": "Vor dem Besuch"}, "vor-dem-besuch", id="title"),
        pytest.param({"title": "問診"}, "questionnaire", id="no letters"),
    ],
)
def test_a_questionnaire_gets_a_name_for_programs(elements, name):
    document = fhir(TEXT, **elements)
    if "name" not in elements:
        del document["name"]

    assert read_questionnaire(document).name == name


@pytest.mark.parametrize(
    ("elements", "title"),
    [
        pytest.param({"title": "Intake"}, "Intake", id="its title"),
        pytest.param({"name": "intake"}, "intake", id="its name"),
        pytest.param({"code": [{"code": "1", "display": "Mood"}]}, "Mood", id="a code"),
        pytest.param({}, "Questionnaire", id="nothing"),
    ],
)
def test_a_questionnaire_gets_a_title_for_people(elements, title):
    document = {"resourceType": "Questionnaire", "status": "draft", "item": [TEXT]}

    assert read_questionnaire(document | elements).title == title


def test_a_bundle_holds_one_questionnaire_and_value_sets():
    asked = CHOICE | {"answerValueSet": "http://x.org/vs"}
    sets = value_set("http://x.org/vs", "red", "blue")

    definition = read_questionnaire(bundle(sets, fhir(asked)))

    assert codes_of(definition.items[0]) == ["red", "blue"]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        pytest.param({"resourceType": "Bundle"}, "/entry", id="nothing"),
        pytest.param(bundle(fhir(TEXT), fhir(TEXT)), "/entry", id="two"),
        pytest.param(
            bundle(fhir(TEXT), {"resourceType": "Patient"}),
            "/entry/1/resource/resourceType",
            id="a patient",
        ),
        pytest.param(
            {"resourceType": "Bundle", "entry": [{}]}, "/entry/0/resource", id="empty"
        ),
        pytest.param({"resourceType": "Patient"}, "/resourceType", id="only a patient"),
        pytest.param({}, "/resourceType", id="no type"),
        pytest.param([], "", id="a list"),
    ],
)
def test_what_holds_no_questionnaire_is_refused(document, pointer):
    assert pointer in problems_of(document)


@pytest.mark.parametrize(
    ("address", "elements"),
    [
        pytest.param("http://x.org/vs", {}, id="by its address"),
        pytest.param("http://x.org/vs|2", {"version": "2"}, id="by its version"),
    ],
)
def test_a_value_set_is_found_by_its_address(address, elements):
    sets = value_set("http://x.org/vs", "red", **elements)

    definition = read_questionnaire(fhir(CHOICE | {"answerValueSet": address}), [sets])

    assert codes_of(definition.items[0]) == ["red"]


def test_in_a_bundle_a_value_set_is_found_by_its_full_url():
    document = bundle(fhir(CHOICE | {"answerValueSet": "urn:uuid:1"}))
    sets = value_set(None, "red")
    del sets["url"]
    document["entry"].append({"fullUrl": "urn:uuid:1", "resource": sets})

    assert codes_of(read_questionnaire(document).items[0]) == ["red"]


def test_a_contained_value_set_is_found_by_its_id():
    definition = read_definition(example("Questionnaire-gcs"))

    assert [len(asked.options) for asked in definition.items] == [5, 6, 4]
    assert definition.items[2].options[0] == Option(
        code="LA6553-7", system=LOINC, display="No eye opening"
    )


def test_an_expansion_counts_before_what_it_was_made_of():
    expansion = {
        "contains": [
            {"code": "all", "abstract": True, "contains": [{"code": "a"}]},
            {"code": "old", "inactive": True},
            {"code": "b", "system": "urn:s", "display": "B"},
        ]
    }
    sets = value_set("http://x.org/vs", "red", expansion=expansion)

    definition = read_questionnaire(
        fhir(CHOICE | {"answerValueSet": "http://x.org/vs"}), [sets]
    )

    assert codes_of(definition.items[0]) == ["a", "b"]


@pytest.mark.parametrize(
    ("elements", "pointer"),
    [
        pytest.param(
            {"compose": {"include": [{"system": "urn:s"}]}}, "/concept", id="all"
        ),
        pytest.param(
            {"compose": {"include": [{"filter": [], "concept": []}]}},
            "/filter",
            id="a filter",
        ),
        pytest.param(
            {"compose": {"include": [{"concept": [{"display": "Red"}]}]}},
            "/concept/0/code",
            id="no code",
        ),
    ],
)
def test_a_value_set_that_does_not_list_its_codes_is_refused(elements, pointer):
    sets = value_set("http://x.org/vs") | elements
    asked = fhir(CHOICE | {"answerValueSet": "http://x.org/vs"})

    problems = problems_of(asked, [sets])

    assert f"/value_sets/0/compose/include/0{pointer}" in problems


@pytest.mark.parametrize(
    ("elements", "pointer"),
    [
        pytest.param(
            {"compose": {"include": [], "exclude": []}}, "/exclude", id="less"
        ),
        pytest.param({"compose": 7}, "", id="7"),
    ],
)
def test_a_value_set_must_be_composed_of_codes(elements, pointer):
    asked = fhir(CHOICE | {"answerValueSet": "http://x.org/vs"})

    problems = problems_of(asked, [value_set("http://x.org/vs") | elements])

    assert f"/value_sets/0/compose{pointer}" in problems


def test_a_value_set_that_is_no_object_is_refused():
    assert problems_of(fhir(TEXT), [7]) == {"/value_sets/0": "must be an object"}


def test_a_questionnaire_goes_out_with_its_version_and_address():
    there = write_questionnaire(
        version_of(asks(question("q"), url="https://x.org/q"), version=2)
    )
    here = write_questionnaire(version_of(asks(question("q"))))

    assert (there["url"], there["version"]) == ("https://x.org/q", "2")
    assert here["url"] == f"urn:uuid:{UUID(int=7)}"
    assert (here["id"], here["status"]) == (str(UUID(int=7)), "active")
    assert here["date"] == "2026-03-01T12:00:00Z"


def test_a_score_goes_out_and_comes_back():
    options = (Option(code="no", score=0), Option(code="yes", score=3))
    definition = asks(
        question("a", "choice", options=options),
        question("t", "integer"),
        scores=(scale("a", total="t"),),
    )

    written = write_questionnaire(version_of(definition))

    assert written["item"][1]["readOnly"] is True
    assert read_questionnaire(written) == definition


@pytest.mark.parametrize(
    ("asked", "answer", "found"),
    [
        pytest.param(question("q"), "x", {"valueString": "x"}, id="string"),
        pytest.param(question("q", "text"), "x", {"valueString": "x"}, id="text"),
        pytest.param(
            question("q"),
            "a\u00a0b\u000bc\r\n\td",
            {"valueString": "a b c\r\n\td"},
            id="odd spaces",
        ),
        pytest.param(question("q", "integer"), 7, {"valueInteger": 7}, id="integer"),
        pytest.param(
            question("q", "decimal"), 7.5, {"valueDecimal": 7.5}, id="decimal"
        ),
        pytest.param(question("q", "boolean"), False, {"valueBoolean": False}, id="no"),
        pytest.param(
            question("q", "date"), "2026-03", {"valueDate": "2026-03"}, id="day"
        ),
        pytest.param(
            question("q", "dateTime"), "2026", {"valueDateTime": "2026"}, id="dateTime"
        ),
        pytest.param(
            question("q", "time"), "09:00", {"valueTime": "09:00:00"}, id="time"
        ),
        pytest.param(
            question("q", "time"), "09:00:30", {"valueTime": "09:00:30"}, id="seconds"
        ),
        pytest.param(question("q", "url"), "urn:x", {"valueUri": "urn:x"}, id="url"),
        pytest.param(
            question("q", "reference"),
            "Hill Pharmacy",
            {"valueReference": {"display": "Hill Pharmacy"}},
            id="reference",
        ),
        pytest.param(
            question("q", "quantity"),
            {"value": 10, "unit": "mg"},
            {"valueQuantity": {"value": 10, "unit": "mg"}},
            id="quantity",
        ),
        pytest.param(
            question("q", "quantity"),
            {"value": 10},
            {"valueQuantity": {"value": 10}},
            id="quantity without a unit",
        ),
        pytest.param(
            question(
                "q",
                "quantity",
                units=(Code(code="mg", system="http://unitsofmeasure.org"),),
            ),
            {"value": 10, "unit": "mg"},
            {
                "valueQuantity": {
                    "value": 10,
                    "unit": "mg",
                    "system": "http://unitsofmeasure.org",
                    "code": "mg",
                }
            },
            id="quantity in a known unit",
        ),
        pytest.param(
            question(
                "q",
                "choice",
                options=(Option(code="r", system="urn:s", display="Red", score=1),),
            ),
            "r",
            {"valueCoding": {"system": "urn:s", "code": "r", "display": "Red"}},
            id="coding",
        ),
        pytest.param(
            question(
                "q", "choice", options=(Option(code="r", type=OptionType.STRING),)
            ),
            "r",
            {"valueString": "r"},
            id="option that is a text",
        ),
        pytest.param(
            question(
                "q",
                "choice",
                options=(Option(code="3", type=OptionType.INTEGER, score=3),),
            ),
            "3",
            {"valueInteger": 3},
            id="option that is a number",
        ),
        pytest.param(
            choice("q", "red", kind="open-choice"),
            {"other": "pink"},
            {"valueString": "pink"},
            id="other",
        ),
    ],
)
def test_an_answer_is_written_as_its_question_asks(asked, answer, found):
    assert value_of(asked, answer) == [found]


def test_several_answers_stand_side_by_side():
    assert value_of(question("q", repeats=True), ["a", "b"]) == [
        {"valueString": "a"},
        {"valueString": "b"},
    ]


def test_groups_and_entries_are_written_as_the_questionnaire_holds_them():
    definition = asks(
        group("page", question("a", text="A?"), group("empty", question("b"))),
        entries("list", question("c"), text="Each one"),
        question("d", "boolean", items=(question("e"),)),
        question("note", "display", text="Hello"),
    )
    answers = {"a": "1", "list": [{"c": "2"}, {}, {"c": "3"}], "d": True, "e": "4"}

    assert items_of(definition, answers) == [
        {
            "linkId": "page",
            "item": [
                {"linkId": "a", "text": "A?", "answer": [{"valueString": "1"}]},
            ],
        },
        *(
            {
                "linkId": "list",
                "text": "Each one",
                "item": [{"linkId": "c", "answer": [{"valueString": text}]}],
            }
            for text in "23"
        ),
        {
            "linkId": "d",
            "answer": [
                {
                    "valueBoolean": True,
                    "item": [{"linkId": "e", "answer": [{"valueString": "4"}]}],
                }
            ],
        },
    ]


@pytest.mark.parametrize(
    ("fields", "status", "shown"),
    [
        pytest.param({}, "completed", "said", id="submitted"),
        pytest.param({"status": FormStatus.REVIEWED}, "completed", "said", id="read"),
        pytest.param(
            {"status": FormStatus.PENDING, "draft": {"q": "so far"}},
            "in-progress",
            "so far",
            id="a draft",
        ),
        pytest.param(
            {"status": FormStatus.PENDING}, "in-progress", None, id="not begun"
        ),
        pytest.param(
            {"status": FormStatus.PENDING, "revoked_at": NOW},
            "stopped",
            None,
            id="called back",
        ),
    ],
)
def test_a_response_says_where_the_form_stands(fields, status, shown):
    asked = version_of(asks(question("q")))

    written = write_response(form({"q": "said"}, **fields), asked)

    assert written["status"] == status
    answer = [{"linkId": "q", "answer": [{"valueString": shown}]}]
    assert written.get("item") == (answer if shown else None)


def test_a_response_says_whose_it_is_and_what_was_asked():
    submitted = datetime(2026, 3, 2, 9, tzinfo=UTC)

    written = write_response(
        form({"q": "x"}, submitted_at=submitted),
        version_of(asks(question("q")), version=2),
    )

    assert {k: written[k] for k in ("id", "subject", "authored", "questionnaire")} == {
        "id": str(UUID(int=1)),
        "subject": {"reference": f"Patient/{UUID(int=2)}"},
        "authored": "2026-03-02T09:00:00Z",
        "questionnaire": f"urn:uuid:{UUID(int=7)}|2",
    }


def test_a_free_form_is_written_by_its_keys():
    answers = {
        "reason": "Headache",
        "smoker": True,
        "pain": 7.5,
        "medications": ["a", "", {"name": "b"}, ["c"]],
        "page": {"inner": "x", "empty": None},
        "nothing": {},
        "": "y",
    }

    written = write_response(form(answers), None)

    assert "questionnaire" not in written
    assert written["item"] == [
        {"linkId": "reason", "answer": [{"valueString": "Headache"}]},
        {"linkId": "smoker", "answer": [{"valueBoolean": True}]},
        {"linkId": "pain", "answer": [{"valueDecimal": 7.5}]},
        {"linkId": "medications", "answer": [{"valueString": "a"}]},
        {
            "linkId": "medications",
            "item": [{"linkId": "name", "answer": [{"valueString": "b"}]}],
        },
        {"linkId": "medications", "answer": [{"valueString": "c"}]},
        {
            "linkId": "page",
            "item": [{"linkId": "inner", "answer": [{"valueString": "x"}]}],
        },
        {"linkId": "-", "answer": [{"valueString": "y"}]},
    ]


def test_a_total_is_written_only_once_there_is_one():
    options = (Option(code="no", score=0), Option(code="yes", score=3))
    definition = asks(
        question("a", "choice", options=options),
        question("t", "decimal"),
        question("u", "integer"),
        scores=(scale("a", total="t"), evolve(scale("a"), name="other")),
    )

    assert items_of(definition, {}) == []
    assert items_of(definition, {"a": "yes"})[1] == {
        "linkId": "t",
        "answer": [{"valueDecimal": 3}],
    }


def test_every_kind_of_question_has_a_place_in_a_response():
    asked = {kind.value for kind in Kind} - {"group", "display"}

    for kind in asked:
        options = (Option(code="x"),) if kind.endswith("choice") else ()
        definition = asks(question("q", kind, options=options))
        answer = {"value": 1} if kind == "quantity" else "x"
        (item,) = items_of(definition, {"q": answer})
        (key,) = item["answer"][0]
        assert key.startswith("value")
