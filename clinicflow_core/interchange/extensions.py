"""FHIR extensions that say something to a questionnaire, by their addresses."""

from __future__ import annotations

from typing import Final

HL7: Final = "http://hl7.org/fhir/"
CORE: Final = f"{HL7}StructureDefinition/"
MIN_OCCURS: Final = f"{CORE}questionnaire-minOccurs"
MAX_OCCURS: Final = f"{CORE}questionnaire-maxOccurs"
MIN_VALUE: Final = f"{CORE}minValue"
MAX_VALUE: Final = f"{CORE}maxValue"
UNIT: Final = f"{CORE}questionnaire-unit"
UNIT_OPTION: Final = f"{CORE}questionnaire-unitOption"
TOPIC: Final = "urn:clinicflow:topic"
FACET: Final = "urn:clinicflow:facet"
SCORE: Final = "urn:clinicflow:score"
ORDINAL: Final = f"{CORE}ordinalValue"

LOOKS: Final = frozenset(
    {
        f"{CORE}cqf-library",
        f"{CORE}designNote",
        f"{CORE}display",
        f"{CORE}entryFormat",
        f"{CORE}questionnaire-choiceOrientation",
        f"{CORE}questionnaire-displayCategory",
        f"{CORE}questionnaire-fhirType",
        f"{CORE}questionnaire-itemControl",
        f"{CORE}questionnaire-referenceProfile",
        f"{CORE}questionnaire-referenceResource",
        f"{CORE}questionnaire-sliderStepValue",
        f"{CORE}questionnaire-supportLink",
        f"{CORE}rendering-markdown",
        f"{CORE}rendering-style",
        f"{CORE}rendering-xhtml",
        f"{CORE}translation",
        f"{HL7}uv/sdc/StructureDefinition/sdc-questionnaire-shortText",
    }
)
"""HL7's on how something looks or is looked up: they do not change what is asked."""
