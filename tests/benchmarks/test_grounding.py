from __future__ import annotations

import pytest

from tests.benchmarks.grounding import (
    RIGHT,
    WRONG,
    dialogues,
    generated,
    judged,
    report,
)

DIALOGUES = """ID,section_header,section_text,dialogue
0,ALLERGY,None.,"Doctor: Any allergies?
Patient: No, none."
1,MEDICATIONS,Advil.,"Doctor: What do you take?
Patient: I take Advil 200 mg twice a day."
"""


@pytest.mark.slow
def test_no_wrong_item_of_a_form_stands_and_no_right_one_is_dropped():
    misses, alarms = judged(generated(40))

    assert misses.keys() == WRONG.keys()
    assert alarms.keys() == RIGHT.keys()
    assert [tally.wrong for tally in misses.values() if tally.wrong] == []
    assert [tally.wrong for tally in alarms.values() if tally.wrong] == []


def test_dialogues_of_a_file_are_judged_with_what_is_found_in_them(tmp_path):
    path = tmp_path / "dialogues.csv"
    path.write_text(DIALOGUES, "utf-8")

    lines = report("dialogues", dialogues(path)).splitlines()

    assert lines[0] == "dialogues"
    assert lines[1].startswith("misses")
    assert any(line.startswith("false alarms") for line in lines)
