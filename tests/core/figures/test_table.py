from __future__ import annotations

from datetime import date

from clinicflow_core.entities.appointment import Status
from clinicflow_core.figures.minutes import DoctorTime
from clinicflow_core.figures.rates import Rate
from clinicflow_core.figures.table import HEADING, rows
from tests.builders import span
from tests.core.figures.test_clinic import figures
from tests.core.figures.visits import CHEN, came, counted


def test_a_table_has_a_row_for_each_figure_of_each_group():
    found = figures(
        came(300),
        counted(status=Status.NO_SHOW),
        worked={CHEN: DoctorTime(offered=[span("09:00-10:00")], held=[])},
    )

    heading, *told = rows(found)

    assert heading == HEADING
    by_group = {(group, key) for _, group, key, *_ in told}
    assert by_group >= {
        ("total", None),
        ("doctor", CHEN),
        ("weekday", "monday"),
        ("hour", 9),
        ("day", date(2026, 3, 2)),
    }
    assert len(told) == len(by_group) * len({figure for figure, *_ in told})
    of_total = {figure: row for figure, group, *row in told if group == "total"}
    rate = Rate(1, 2)
    assert of_total["no-shows of due"] == [
        *(None, None, 0.5, 1, 2, rate.low, rate.high)
    ]
    assert of_total["booked"] == [None, None, 2, 2, None, None, None]
    assert of_total["minutes late, median"] == [None, None, 5, 1, None, None, None]
    assert of_total["booked of offered minutes"] == [
        *(None, None, 0.0, 0, 60, None, None)
    ]


def test_a_row_of_a_doctor_names_them():
    _, *told = rows(figures(counted()))

    assert {(key, name) for _, group, key, name, *_ in told if group == "doctor"} == {
        (CHEN, "Dr. Sarah Chen")
    }
