from __future__ import annotations

from uuid import uuid4

import pytest

from clinicflow_core.entities.ids import FormId, PatientId, SummaryId, UserId
from clinicflow_core.entities.summary import (
    Digest,
    Failure,
    FailureReason,
    Source,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.errors import InvalidTransitionError
from tests.builders import NOW

DOCTOR = UserId(uuid4())


def item(text):
    return SummaryItem(text=text, sources=(Source("/a", text),))


DIGEST = Digest(
    summary=(item("Has headaches."), item("Takes aspirin.")),
    medications=(item("Aspirin"),),
    red_flags=(item("Chest pain"),),
    denials=(item("No known allergies"),),
    notes=(item("Stopped metformin"),),
)


def asked():
    return Summary(
        id=SummaryId(uuid4()),
        patient_id=PatientId(uuid4()),
        intake_form_id=FormId(uuid4()),
        model_version="scripted-1",
        generated_at=NOW,
    )


def made(failure=None):
    return asked().generated(DIGEST, (), "scripted-1", NOW, failure)


def test_sentences_make_the_text_and_red_flags_lead_the_notes():
    assert made().summary_text == "Has headaches. Takes aspirin."
    assert made().key_notes == "Chest pain\nNo known allergies\nStopped metformin"
    assert asked().key_notes is None


def test_a_summary_is_made_once():
    with pytest.raises(InvalidTransitionError, match="generated"):
        made().generated(DIGEST, (), "scripted-1", NOW)


def test_one_that_stands_in_says_for_whom():
    failure = Failure(reason=FailureReason.REFUSED, model_version="other")

    assert made(failure).status is SummaryStatus.FAILED
    assert made(failure).failure == failure


def test_notes_keep_their_kind_and_their_source_when_others_change():
    edited = made().edited({"key_notes": "Stopped metformin\n\nChest pain\nAsk again"})

    assert edited.digest.red_flags == DIGEST.red_flags
    assert edited.digest.denials == ()
    assert edited.digest.notes == (
        *DIGEST.notes,
        SummaryItem(text="Ask again"),
    )


def test_notes_can_be_taken_away():
    assert made().edited({"key_notes": None}).key_notes is None


def test_a_signed_summary_is_what_was_signed():
    signed = made().signed(DOCTOR, NOW)

    assert (signed.signed_by_id, signed.is_draft) == (DOCTOR, False)
    assert signed.signed(UserId(uuid4()), NOW) is signed
    with pytest.raises(InvalidTransitionError, match="signed"):
        signed.edited({"medications": ()})


def test_what_it_says_is_not_shown_by_accident():
    assert "spirin" not in repr(made())
