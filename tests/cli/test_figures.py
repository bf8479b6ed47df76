from __future__ import annotations

import csv
from contextlib import AbstractContextManager, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from clinicflow_cli.charts import bar, sparkline
from tests.builders import Watch
from tests.cli.conftest import MemoryDatabase, Shell
from tests.core.desk.acts import at

MONDAY = ("--date", "2026-03-02")
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")
WIDEST = 88


@pytest.fixture
def clock(database: MemoryDatabase) -> Watch:
    """The clock of the clinic, to be set."""
    watch = Watch()
    database.store._clock = watch
    return watch


@pytest.fixture
def busy(clinic: Shell, clock: Watch) -> Shell:
    """The clinic on Monday at 10:00: one visit was missed, one patient waits."""
    made = {
        time: clinic.answers(
            "book", "chen", patient, *MONDAY, "--time", time, "--duration", "30"
        )["id"]
        for time, patient in (("09:00", "lee"), ("09:30", "diaz"), ("10:30", "lee"))
    }
    clock.at = at("2026-03-02 09:25")
    clinic.says("no-show", made["09:00"])
    clinic.says("arrive", made["09:30"])
    clock.at = at("2026-03-02 10:00")
    return clinic


def lines(told: str) -> list[str]:
    return [line.rstrip() for line in told.splitlines()]


def words(told: str) -> list[str]:
    """Return the lines with one space between the words."""
    return [" ".join(line.split()) for line in told.splitlines()]


def test_figures_are_shown_with_bars_and_intervals(busy: Shell):
    told = busy.says("figures", *MARCH)

    assert lines(told)[:2] == [
        "Sun 2026-03-01 to Tue 2026-03-31",
        "Counted 2026-03-02 10:00, America/New_York",
    ]
    for line in (
        "did not come 1 ████████",
        "no-shows of due visits 1 of 2 50.0% (9.5% to 90.5%) █████",
        "minutes booked of offered 60 of 13,020 0.5% ▏",
        "arrived after the start -5 min -5 min to -5 min 1",
        "1 due and still open: say what became of each",
        "Dr. Sarah Chen 3 ██████████ 50.0% 0.0% 0.5% ▏",
        "Monday 3 ██████████ 50.0% 0.0% 2.9% ▎",
        "10:00 1 █████ - 0.0% 1.6% ▏",
        f"visits ▁█{'▁' * 29} at most 3",
        f"booked ▁█{'▁' * 29} at most 14.3%",
    ):
        assert line in words(told)


def test_figures_fit_the_terminal(busy: Shell):
    told = lines(busy.says("figures", "--from", "2026-03-01", "--to", "2027-02-28"))

    assert max(map(len, told)) <= WIDEST
    assert "Day by day, a mark for each 6 days" in told


def test_figures_of_one_doctor_name_them(busy: Shell):
    busy.says("doctor", "add", "Dr. Sol")

    of_chen = busy.says("figures", *MARCH, "--doctor", "chen")
    of_sol = busy.says("figures", *MARCH, "--doctor", "sol")

    assert lines(of_chen)[0].endswith(", Dr. Sarah Chen")
    assert "Dr. Sol" not in of_chen
    assert lines(of_sol)[-1] == (
        "There are no visits in these days: choose others with --from and --to."
    )


def test_what_is_not_known_yet_is_shown_as_such(clinic: Shell):
    clinic.says("doctor", "add", "Dr. Sol")
    clinic.says("book", "sol", "lee", *MONDAY, "--time", "09:00", "--override", "Pain.")

    told = words(clinic.says("figures", *MARCH, "--doctor", "sol"))

    for line in (
        "no-shows of due visits 0 of 0 -",
        "from arrival to completion - - 0",
        "0.5 h of visits lie outside of what was offered",
        "no-shows nothing yet",
    ):
        assert line in told


def test_figures_are_told_to_programs(busy: Shell):
    told = busy.answers("figures", *MARCH)

    assert told["total"]["due"]["no_shows"]["count"] == 1
    assert len(told["by_day"]) == 31


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_table_is_written_to_a_file_or_to_standard_output(
    busy: Shell, tmp_path: Path
):
    file = tmp_path / "march.csv"

    assert busy.says("figures", *MARCH, "--csv", str(file)) == f"Wrote {file}.\n"

    [missed] = [
        row
        for row in rows_of(file.read_text(encoding="utf-8"))
        if (row["figure"], row["group"]) == ("no-shows of due", "total")
    ]
    assert (missed["value"], missed["count"], missed["of"]) == ("0.5", "1", "2")
    printed = busy.says("figures", *MARCH, "--csv", "-")
    assert rows_of(printed) == rows_of(file.read_text(encoding="utf-8"))
    told = busy.answers("figures", *MARCH, "--csv", str(file))
    assert told == {"file": str(file)}


def test_a_doctors_name_is_no_formula_in_the_table(busy: Shell):
    busy.says("doctor", "add", "=1+1")

    told = busy.says("figures", *MARCH, "--csv", "-")

    names = {row["name"] for row in rows_of(told)}
    assert names == {"", "'=1+1", "Dr. Sarah Chen"}


def test_a_file_that_cannot_be_written_is_told(busy: Shell, tmp_path: Path):
    file = tmp_path / "nowhere" / "march.csv"

    told = busy.refuses("figures", *MARCH, "--csv", str(file))

    assert told == f"Error: Cannot write {file}: No such file or directory.\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(
            ("--from", "2026-03-02", "--to", "2026-03-01"),
            "Error: --to: must not be before --from\n",
            id="the wrong way round",
        ),
        pytest.param(
            ("--from", "2026-03-02", "--to", "2027-03-03"),
            "Error: --to: must be within 366 days from the first\n",
            id="too many",
        ),
    ],
)
def test_days_that_nobody_can_count_are_refused(clinic: Shell, options: Any, told: str):
    assert clinic.refuses("figures", *options) == told


def test_what_is_no_day_is_wrong_usage(clinic: Shell):
    assert "--from: must be a date" in clinic.misunderstands("figures", "--from", "now")


# Today


def test_today_tells_who_waits_who_comes_and_what_is_open(busy: Shell):
    busy.says("book", "chen", "diaz", *MONDAY, "--time", "11:00", "--duration", "30")

    told = busy.says("today")

    assert max(map(len, lines(told))) <= WIDEST
    assert words(told)[:4] == [
        "Monday 2026-03-02, 10:00, America/New_York",
        "",
        "4 visits booked: 0 completed, 1 waiting, 2 to come",
        "1 did not come",
    ]
    assert "Dr. Sarah Chen 4 1 2 10:30 21% ██▏" in words(told)
    assert words(told)[words(told).index("Waiting (1)") :][2] == (
        "09:30 Bo Diaz Dr. Sarah Chen 35 min"
    )
    assert words(told)[words(told).index("Next (2)") :][2] == (
        "10:30 Ann Lee Dr. Sarah Chen unconfirmed"
    )


def test_on_the_next_day_what_is_still_open_has_its_date(busy: Shell, clock: Watch):
    clock.at = at("2026-03-03 09:05")
    busy.says("book", "chen", "diaz", "--date", "2026-03-03", "--time", "09:10")
    clock.at = at("2026-03-03 09:12")

    told = words(busy.says("today"))

    assert told[told.index("Over and still open (2)") :][2:] == [
        "2026-03-02 10:30 Ann Lee Dr. Sarah Chen unconfirmed",
        "2026-03-02 09:30 Bo Diaz Dr. Sarah Chen unconfirmed",
    ]
    assert told[told.index("Next (1)") :][2].endswith("late")


def test_the_part_that_is_done_is_shown(busy: Shell, clock: Watch):
    visits = busy.answers("today")
    busy.says("complete", visits["waiting"][0]["id"])

    told = words(busy.says("today"))

    assert told[2:4] == [
        "3 visits booked: 1 completed, 0 waiting, 1 to come",
        "████████ 33% of those not cancelled are completed",
    ]


def test_today_counts_cancelled_visits_as_booked_and_names_them(
    clinic: Shell, clock: Watch
):
    visit = clinic.answers("book", "chen", "lee", *MONDAY, "--time", "09:00")
    clinic.says("cancel", visit["id"])
    clock.at = at("2026-03-02 10:00")

    told = words(clinic.says("today"))

    assert told[2:4] == [
        "1 visit booked: 0 completed, 0 waiting, 0 to come",
        "1 cancelled",
    ]


def test_an_empty_day_says_so(clinic: Shell):
    told = lines(clinic.says("today"))

    assert told[:3] == [
        "Sunday 2026-03-01, 07:00, America/New_York",
        "",
        "Nobody is booked today.",
    ]


def test_without_doctors_today_says_what_to_do_next(shell: Shell):
    shell.sets_up("Harbour Clinic", "ines@harbour.example")

    told = lines(shell.says("today"))

    assert told[-1] == (
        "There are no doctors yet: add one with 'clinicflow doctor add'."
    )


def test_more_than_ten_are_counted_and_not_listed(clinic: Shell, clock: Watch):
    for n in range(12):
        clinic.says(
            *("book", "chen", "lee", *MONDAY, "--time", f"09:{5 * n:02}"),
            *("--duration", "5"),
        )
    clock.at = at("2026-03-02 12:00")

    told = lines(clinic.says("today"))

    assert told[-1] == "and 2 more"


def test_today_is_told_to_programs(busy: Shell):
    told = busy.answers("today")

    assert [visit["patient_name"] for visit in told["waiting"]] == ["Bo Diaz"]
    assert told["open_count"] == 1


# Charts


def terminal(encoding: str) -> AbstractContextManager[object]:
    """Let what is printed meanwhile go to a terminal that knows this encoding."""
    return redirect_stdout(TextIOWrapper(BytesIO(), encoding))


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        pytest.param(0.0, "", id="nothing"),
        pytest.param(0.001, "▏", id="hardly anything"),
        pytest.param(0.5, "██", id="half"),
        pytest.param(0.53, "██▏", id="a bit more"),
        pytest.param(1.0, "████", id="all"),
        pytest.param(1.5, "████", id="never more than all"),
    ],
)
def test_a_bar_is_as_long_as_its_part(part: float, shown: str):
    with terminal("utf-8"):
        assert bar(part, 4) == shown


def test_a_sparkline_tells_nothing_little_and_most_apart():
    with terminal("utf-8"):
        assert sparkline([0, 1, 50, 100, None]) == "▁▂▅█ "
        assert sparkline([0, 0]) == "▁▁"
        assert sparkline([]) == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_where_blocks_cannot_be_shown_plain_characters_are(encoding: str):
    with terminal(encoding):
        assert bar(0.5, 4) == "##"
        assert bar(0.01, 4) == "#"
        assert sparkline([0, 50, 100, None]) == ".+@ "
