from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.figures.rates import Rate, Share
from clinicflow_core.figures.visits import StatusCounts
from clinicflow_flask.pages import charts
from clinicflow_flask.pages.charts import STATUSES, WIDTH, Measure, Stack

COUNTS = st.integers(0, 10_000)
VISITS = st.builds(
    StatusCounts,
    unconfirmed=COUNTS,
    confirmed=COUNTS,
    completed=COUNTS,
    no_show=COUNTS,
    cancelled=COUNTS,
)
STACKS = st.lists(
    st.builds(Stack, st.text(max_size=60), VISITS), min_size=1, max_size=30
)
DRAWN = {
    "columns": lambda stacks: charts.columns("c", "C", "Weekday", stacks),
    "rows": lambda stacks: charts.stacked_rows("r", "R", "Doctor", stacks),
    "days": lambda stacks: charts.day_line("d", "D", stacks),
}
ROUNDED = 0.2
"""How much the corners of several shapes can be off, each rounded by itself."""


def visits(**counts: int) -> StatusCounts:
    none = dict.fromkeys(
        ("unconfirmed", "confirmed", "completed", "no_show", "cancelled"), 0
    )
    return StatusCounts(**{**none, **counts})


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
@given(stacks=STACKS)
def test_each_shape_stands_in_the_drawing(draw, stacks):
    chart = draw(stacks)

    for shape in chart.shapes:
        assert shape.x >= -ROUNDED
        assert shape.y >= -ROUNDED
        assert shape.x + shape.width <= WIDTH + ROUNDED
        assert shape.y + shape.height <= chart.height + ROUNDED
        assert shape.width >= 0
        assert shape.height >= 0
    for label in chart.labels:
        assert 0 <= label.x <= WIDTH
        assert 0 <= label.y <= chart.height


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
@given(stacks=STACKS)
def test_the_table_tells_every_number(draw, stacks):
    chart = draw(stacks)

    assert [row[0] for row in chart.table.rows] == [stack.name for stack in stacks]
    for row, stack in zip(chart.table.rows, stacks, strict=True):
        booked, *counts = map(int, row[1:])
        assert booked == sum(counts) == stack.visits.booked
        assert counts == [stack.count(status) for status in STATUSES]
    assert {len(row) for row in chart.table.rows} == {len(chart.table.columns)}


def test_the_parts_of_a_column_have_the_heights_of_their_counts():
    chart = charts.columns(
        "c",
        "C",
        "Weekday",
        [
            Stack("Monday", visits(completed=6, no_show=2)),
            Stack("Tuesday", visits(cancelled=4)),
        ],
    )

    heights = {(shape.kind, shape.hint): shape.height for shape in chart.shapes}
    assert heights == {
        ("completed", "Monday, completed: 6"): 82.5,
        ("no-show", "Monday, no-show: 2"): 27.5,
        ("cancelled", "Tuesday, cancelled: 4"): 55.0,
    }
    assert chart.legend == ("completed", "no-show", "cancelled")
    assert chart.says == "Most for Monday: 8 visits."


def test_a_chart_of_no_visits_says_so():
    chart = charts.columns("c", "C", "Weekday", [Stack("Monday", visits())])

    assert chart.says == "No visits."
    assert chart.shapes == ()
    assert chart.legend == ()


def test_one_visit_is_one():
    chart = charts.stacked_rows(
        "r", "R", "Doctor", [Stack("Chen", visits(completed=1))]
    )

    assert chart.says == "Most for Chen: 1 visit."


def test_few_of_many_columns_are_labelled():
    stacks = [Stack(str(hour), visits(completed=1)) for hour in range(24)]

    chart = charts.columns("c", "C", "Hour", stacks)

    below = [label.text for label in chart.labels if label.y == 142]
    assert below == ["0", "3", "6", "9", "12", "15", "18", "21"]


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_whisker_holds_the_end_of_its_bar(count, more):
    chart = charts.rates("r", "R", "Rate", [Measure("All", Rate(count, count + more))])

    whiskers = [line for line in chart.lines if line.kind == "whisker"]
    bars = [shape for shape in chart.shapes if shape.kind == "part"]
    if not count + more:
        assert (whiskers, bars) == ([], [])
        assert chart.table.rows == (("All", "-", "0", "0", "-", "-"),)
        return
    [bar] = bars
    assert 0 <= whiskers[0].x1 <= bar.width + ROUNDED
    assert bar.width - ROUNDED <= whiskers[0].x2 <= WIDTH
    assert len(whiskers) == 3


def test_a_share_has_no_whisker():
    chart = charts.rates("r", "R", "Doctor", [Measure("Chen", Share(120, 480))])

    assert chart.lines == ()
    assert chart.shapes[1].width == WIDTH / 4
    assert chart.shapes[1].hint == "Chen: 25%"
    assert chart.table.rows == (("Chen", "25%", "120", "480", "", ""),)


def test_a_day_without_no_shows_has_no_dot():
    stacks = [
        Stack("Monday", visits(completed=4)),
        Stack("Tuesday", visits(completed=1, no_show=1)),
        Stack("Wednesday", visits()),
    ]

    chart = charts.day_line("d", "D", stacks)

    assert chart.path == "M60.0 18.0L180.0 73.0L300.0 128.0"
    assert [shape.hint for shape in chart.shapes] == ["Tuesday, no-show: 1"]
    assert [label.text for label in chart.labels] == ["Monday", "Wednesday", "4"]


def test_a_single_day_is_a_point_in_the_middle():
    chart = charts.day_line("d", "D", [Stack("Monday", visits(completed=1))])

    assert [(label.text, label.anchor) for label in chart.labels] == [
        ("Monday", "middle"),
        ("1", "middle"),
    ]
    assert chart.legend == ()


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_the_table():
    name = "Dr. Maximiliana Hohenlohe-Waldenburg-Schillingsfürst"

    chart = charts.stacked_rows("r", "R", "Doctor", [Stack(name, visits(completed=1))])

    assert chart.labels[0].text == "Dr. Maximiliana Hohenlohe-Waldenb…"
    assert chart.table.rows[0][0] == name
