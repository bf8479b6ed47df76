from __future__ import annotations

import json

import pytest

from clinicflow_cli.terminals import inert, legible
from tests.cli.conftest import Shell

TITLE = "\x1b]0;x\x07\x1b[2J"
TOLD = r"\x1b]0;x\x07\x1b[2J"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a\n b\t c ", "a b c", id="white space"),
        pytest.param("Zoë 咳 👍", "Zoë 咳 👍", id="any script"),
        pytest.param("क\u094d\u200dष", "क\u094d\u200dष", id="a joiner that is needed"),
        pytest.param("\x1b]0;x\x07", r"\x1b]0;x\x07", id="a title for the window"),
        pytest.param("\u202eabc", r"\u202eabc", id="text turned around"),
        pytest.param("\x9b2J", r"\x9b2J", id="one byte that begins a sequence"),
    ],
)
def test_what_steers_a_terminal_is_told_by_its_number(text: str, told: str):
    assert legible(text) == told


@pytest.mark.parametrize("name", ["山田\u3000太郎", "Anne\u00a0Marie", "Zoë 咳 👍"])
def test_a_name_of_any_script_is_told_as_it_is(name: str):
    assert inert(name) == name


def test_what_programs_read_steers_no_terminal_either(clinic: Shell):
    off = ("--from", "2026-04-01", "--to", "2026-04-01", "--reason", "a\x9b2J\u202eb")
    clinic.says("time-off", "add", "chen", *off)

    told = clinic.says("time-off", "list", "chen", "--json")

    assert r"a\u009b2J\u202eb" in told
    assert "a\x9b2J\u202eb" in json.dumps(json.loads(told), ensure_ascii=False)


def test_a_name_in_a_heading_or_a_day_turns_no_text_around(clinic: Shell):
    clinic.says("doctor", "add", "Dr. \u202eOmar")
    clinic.says("hours", "omar", "mon", "9-17")
    clinic.says("patient", "add", "\u202eEve", "Ray")
    clinic.says("book", "omar", "ray", "--date", "2026-03-02", "--time", "09:00")

    told = clinic.says("agenda", "--date", "2026-03-02")

    assert r"Dr. \u202eOmar" in told
    assert r"\u202eEve Ray" in told
    assert "\u202e" not in told


def test_lines_stay_lines_where_there_may_be_several():
    assert inert("a\nb\rc\t") == "a\nb\\rc\\t"


def test_a_reason_does_nothing_to_the_terminal_of_whoever_reads_it(clinic: Shell):
    off = ("--from", "2026-04-01", "--to", "2026-04-01", "--reason", TITLE)
    clinic.says("time-off", "add", "chen", *off)
    nine = ("--date", "2026-03-02", "--time", "09:00")
    visit = clinic.answers("book", "chen", "lee", *nine)["id"]
    clinic.says("cancel", visit, "--type", "other", "--note", TITLE)

    for told in (
        clinic.says("time-off", "list", "chen"),
        clinic.says("audit", "show", visit),
    ):
        assert TOLD in told
        assert "\x1b" not in told


def test_bytes_that_are_no_text_are_wrong_usage(sqlite_shell: Shell):
    sqlite_shell.sets_up("Harbour Clinic", "ines@harbour.example")

    told = sqlite_shell.misunderstands("patient", "find", "lee\udcff")

    assert r"'lee\udcff' is not text in UTF-8." in told
