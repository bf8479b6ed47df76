"""
FHIR R4 questionnaires, in and out, and the answers to them, out.

What is read of a Questionnaire is a declared subset. What lies outside it is refused by
name, all of it at once; nothing that changes what is asked is dropped in silence.

| element | what becomes of it |
|---|---|
| name, title, description, url, code, item | kept |
| status, subjectType | must be there; must include Patient if there |
| contained | the value sets that it holds are read |
| id, meta, language, text, identifier, version, derivedFrom, experimental, date, \
publisher, contact, useContext, jurisdiction, purpose, copyright, approvalDate, \
lastReviewDate, effectivePeriod | read and not kept: they do not change what is asked |
| implicitRules, modifierExtension, others | refused |
| item.linkId, code, prefix, text, type, required, repeats, maxLength, answerOption, \
enableWhen, enableBehavior, item | kept |
| item.type | group, display, string, text, integer, decimal, date, dateTime, time, \
boolean, choice, open-choice, url, quantity; a reference is answered in words; an \
attachment is refused |
| item.answerValueSet | its codes become options: it must be contained, stand in the \
Bundle, be given beside it, or be `yesnodontknow` or LOINC's LL358-3 |
| item.answerOption | a coding, a text or an integer; others are refused |
| item.enableWhen | on answers that can be compared; a quantity or a reference can \
only exist |
| item.readOnly | only for the total of a score |
| item.initial | refused |
| item.id, item.definition | read and not kept |
| `_text` and its like | read and not kept, if they are on looks |

| extension | what becomes of it |
|---|---|
| questionnaire-minOccurs, -maxOccurs, -unit, -unitOption, minValue, maxValue, \
ordinalValue | kept as what they say |
| urn:clinicflow:topic, :facet, :score | ours: kept as what they say |
| cqf-expression, calculatedExpression | only for the total of a score |
| HL7's on looks (`extensions.LOOKS`), and those of others than HL7 | kept as they \
are |
| HL7's others | refused |

PHQ-9, PHQ-8, PHQ-2 and GAD-7 are known by their LOINC codes and get their scores. All
that is read comes back when it is written and read again.
"""

from __future__ import annotations

from clinicflow_core.interchange.questionnaire_reading import (
    read_definition,
    read_questionnaire,
)
from clinicflow_core.interchange.questionnaire_writing import (
    write_questionnaire,
    write_response,
)

__all__ = [
    "read_definition",
    "read_questionnaire",
    "write_questionnaire",
    "write_response",
]
