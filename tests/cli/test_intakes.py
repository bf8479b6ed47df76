from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from clinicflow_cli.intakes import told_answers, told_scores, told_summary
from clinicflow_core.entities.ids import FormId, PatientId, SummaryId, UserId
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    DropReason,
    Facet,
    Failure,
    FailureReason,
    Source,
    Statement,
    Summary,
    SummaryItem,
)
from clinicflow_core.intake.scores import Score
from tests.builders import NOW, ZONE

SAID = (Statement(answer="/reason", question="Why?", text="a bad headache"),)
NOTHING = Digest()
HEADACHE = SummaryItem(text="Headache", sources=(Source("/reason", "headache"),))


def made(
    digest: Digest = NOTHING, dropped: tuple[Dropped, ...] = (), **more: Any
) -> Summary:
    begun = Summary(
        id=SummaryId(uuid4()),
        patient_id=PatientId(uuid4()),
        intake_form_id=FormId(uuid4()),
        model_version="none",
        generated_at=NOW,
    )
    return begun.generated(digest, dropped, "model-1", NOW, **more)


def lines(summary: Summary) -> list[str]:
    return list(told_summary(summary, SAID, ZONE))


def test_each_item_is_told_with_the_question_and_the_words():
    summary = made(Digest(patient_concerns=(HEADACHE,)))

    assert lines(summary) == [
        "DRAFT, not signed",
        "Made by model-1, 2026-03-01 07:00.",
        "Concerns:",
        "  Headache",
        '    "headache" (Why?)',
    ]


def test_an_entry_is_one_line_with_what_was_asked_where_that_is_not_plain():
    def part(text: str, question: str, facet: Facet | None) -> Statement:
        return Statement(
            answer=f"/m/0/{question}",
            question=question,
            text=text,
            entry="/m/0",
            facet=facet,
        )

    entry = (
        part("Aspirin", "What?", Facet.NAME),
        part("81 mg", "How much?", Facet.DOSE),
        part("Dr. Bo", "Who said so?", None),
    )

    assert list(told_answers((*SAID, *entry))) == [
        "  Why?",
        "    a bad headache",
        "  - Aspirin, 81 mg, Who said so?: Dr. Bo",
    ]


def test_answers_to_one_question_stand_below_it():
    said = [
        Statement(answer=f"/drugs/{number}", question="drugs", text=drug)
        for number, drug in enumerate(("aspirin", "codeine"))
    ]

    assert list(told_answers(said)) == ["  drugs", "    aspirin", "    codeine"]


def test_what_needs_a_look_at_once_comes_before_all_but_the_summary():
    flag = SummaryItem(text="Chest pain", sources=(Source("/gone", "chest pain"),))
    digest = Digest(
        summary=(HEADACHE,), patient_concerns=(HEADACHE,), red_flags=(flag,)
    )

    told = lines(made(digest))

    headings = [line for line in told[2:] if not line.startswith(" ")]
    assert headings == ["Summary:", "Look at once:", "Concerns:"]
    assert '    "chest pain" (/gone)' in told


def test_what_was_added_and_what_was_left_out_is_told():
    added = SummaryItem(text="Aspirin", sources=(), added=True)
    left_out = Dropped(
        item="allergies", text="Latex", reason=DropReason.WORDS_NOT_THERE
    )

    told = lines(made(Digest(medications=(added,)), (left_out,)))

    assert "  Aspirin (added: it was answered, and left out)" in told
    assert told[-2:] == [
        "Left out, as the patient did not say so:",
        "  Latex (allergies: words-not-there)",
    ]


def test_what_stands_in_for_another_one_is_told_with_why():
    failure = Failure(reason=FailureReason.TIMED_OUT, model_version="gpt-4o-mini")

    told = lines(made(failure=failure))

    assert told[2] == "It stands in for one by gpt-4o-mini, which failed: timed-out."


def test_what_a_doctor_wrote_has_no_source_and_says_so():
    summary = made(Digest(patient_concerns=(HEADACHE,)))
    edited = summary.edited({"patient_concerns": ("Migraine",)})

    told = lines(edited)

    assert told[1] == "Made by model-1, 2026-03-01 07:00, edited since."
    assert told[-2:] == ["  Migraine", "    no source: a doctor wrote it"]


def test_whoever_signed_it_is_told_by_their_account():
    by = UserId(uuid4())

    told = lines(made().signed(by, NOW))

    assert told[0] == f"Signed 2026-03-01 07:00 by account {by}"


@pytest.mark.parametrize(
    ("band", "told"),
    [
        pytest.param("Mild", "  PHQ-9: 7 of 27, Mild", id="with a meaning"),
        pytest.param(None, "  PHQ-9: 7 of 27", id="without"),
    ],
)
def test_a_score_is_told_with_what_it_means(band: str | None, told: str):
    score = Score(name="phq-9", title="PHQ-9", total=7, maximum=27, band=band)

    assert list(told_scores([score])) == [told]
