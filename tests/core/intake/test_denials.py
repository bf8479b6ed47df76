from __future__ import annotations

import pytest

from clinicflow_core.intake.denials import is_denied


@pytest.mark.parametrize(
    ("text", "word", "denied"),
    [
        ("I take aspirin", "aspirin", False),
        ("I don't take aspirin", "aspirin", True),
        ("I stopped aspirin", "aspirin", True),
        ("I stopped taking aspirin because of pain", "pain", False),
        ("I can't stop sneezing and have pressure", "pressure", False),
        ("I take aspirin and I stopped warfarin", "aspirin", False),
        ("I took aspirin but I stopped it", "aspirin", True),
        ("Aspirin was stopped", "Aspirin", True),
        ("I do not take aspirin any more", "aspirin", True),
        ("I took aspirin years ago", "aspirin", True),
        ("I started aspirin two years ago", "aspirin", False),
        ("I used to have headaches", "headaches", True),
        ("No pain. I have a rash", "rash", False),
        ("Patient: Nah, just aspirin", "aspirin", False),
        ("Doctor: Any pain?\nPatient: Nah, just a rash", "rash", False),
        ("Doctor: Do you have a rash?\nPatient: No.", "rash", True),
        ("Doctor: Do you have a rash?\nPatient: Yes.", "rash", False),
        ("Doctor: Anything besides a rash?\nPatient: No.", "rash", False),
    ],
)
def test_what_is_not_so_or_no_longer_is_denied(text, word, denied):
    start = text.index(word)

    assert is_denied(text, (start, start + len(word)), harms=False) is denied


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("I'm allergic to sulfa", False),
        ("I'm not allergic to sulfa", True),
        ("I can't take sulfa", False),
        ("I stopped sulfa, it gave me hives", False),
    ],
)
def test_to_stop_or_to_avoid_what_does_harm_denies_nothing(text, denied):
    start = text.index("sulfa")

    assert is_denied(text, (start, start + len("sulfa")), harms=True) is denied
