"""
The figures agree with another computation, made by pandas of the raw rows.

It shares nothing with ours but the definitions: it reads the file with sqlite3, lets
pandas know the clocks, and lays time out in half minutes instead of cutting spans.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import field, frozen

from clinicflow_core.accounts.permissions import system
from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import counting
from clinicflow_core.desk.counting import FiguresRequest
from clinicflow_core.figures.table import rows
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.store import open_store
from tests.crowded import Crowd, some_clinics

pytestmark = pytest.mark.slow

HALF_MINUTE = pd.Timedelta(seconds=30)

Told = Mapping[tuple[str, str, str], tuple[object, ...]]
"""Value, count and whole of each figure, by its name, its group and its key."""


@frozen
class Definitions:
    """What can be spoilt, to see that it would be found out."""

    is_due: Callable[[Any, Any], Any] = lambda visits, now: (
        (visits.starts_at <= now) & (visits.status != "cancelled")
    )
    is_standing: Callable[[Any], Any] = lambda visits: (
        ~visits.status.isin(["cancelled", "no-show"])
    )
    has_form: Callable[[Any], Any] = lambda visits: visits.status != "cancelled"
    is_ahead: Callable[[Any], Any] = lambda visits: visits.lead >= pd.Timedelta(0)
    is_unsigned: Callable[[Any], Any] = lambda summaries: (
        summaries.signed_at.isna()
        & summaries.superseded_at.isna()
        & (summaries.status != "generating")
    )
    last_cancellation: Callable[[Any], Any] = lambda grouped: grouped.last()
    is_on_time: Callable[[Any], Any] = lambda visits: (
        visits.arrived_at <= visits.starts_at
    )
    is_real: Callable[[Any], Any] = lambda visits: visits.offered_until.isna()
    off_is_offered: bool = False


DEFINED = Definitions()


@frozen
class Computed:
    """The figures of one clinic, by pandas."""

    crowd: Crowd
    now: pd.Timestamp
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    by: Definitions = DEFINED

    def figures(self) -> Told:
        visits, time = self.visits(), self.time()
        told: dict[tuple[str, str, str], tuple[object, ...]] = {}
        for group, of_visits, of_time in (
            ("total", pd.Series("", visits.index), pd.Series("", time.index)),
            ("doctor", visits.doctor_id, time.doctor_id),
            ("weekday", visits.weekday, time.weekday),
            ("hour", visits.hour, time.hour),
            ("day", visits.date, time.date),
        ):
            minutes = time.groupby(of_time)[["offered", "booked", "outside"]].sum() // 2
            for key in self.keys(group, of_visits, minutes.index):
                theirs = visits[of_visits == key]
                worked = self.worked(minutes, key)
                for name, *numbers in (*self.counted(theirs), *worked):
                    told[name, group, str(key)] = tuple(numbers)
        return told

    def keys(self, group: str, of_visits: Any, of_time: Any) -> Sequence[object]:
        if group == "doctor":
            return [str(doctor_id) for doctor_id in self.crowd.doctor_ids]
        if group == "weekday":
            monday = pd.date_range("2026-03-02", periods=7)
            return [name.lower() for name in monday.day_name()]
        if group == "hour":
            hours = {*of_visits, *of_time}
            return range(min(hours), max(hours) + 1)
        if group == "day":
            days = pd.date_range(self.crowd.first, self.crowd.last)
            return [str(day.date()) for day in days]
        return [""]

    def visits(self) -> pd.DataFrame:
        visits = self.tables["appointments"]
        visits = visits[self.by.is_real(visits)]
        late = self.by.last_cancellation(
            self.tables["cancellations"]
            .sort_values(["created_at", "id"])
            .groupby("appointment_id")
            .late
        )
        completed = self.tables["events"].query("kind == 'appointment.completed'")
        summaries = self.tables["ai_intake_summaries"]
        unsigned = summaries[self.by.is_unsigned(summaries)].appointment_id
        days = pd.to_datetime(visits.date)
        shown = visits.assign(
            weekday=days.dt.day_name().str.lower(),
            hour=visits.start_time.str[:2].astype(int),
            late=(visits.status == "cancelled") & (visits.id.map(late).fillna(0) == 1),
            completed_at=visits.id.map(completed.set_index("record_id")["at"]),
            unsigned=visits.id.isin(unsigned),
            lead=visits.starts_at - visits.created_at,
        )
        within = (visits.date >= str(self.crowd.first)) & (
            visits.date <= str(self.crowd.last)
        )
        return shown[within]

    def counted(self, visits: pd.DataFrame) -> Iterator[tuple[object, ...]]:
        by_status = visits.status.value_counts()
        due = visits[self.by.is_due(visits, self.now)]
        came = visits[visits.arrived_at.notna()]
        done = visits[visits.status == "completed"]
        forms = visits[self.by.has_form(visits)].intake_status
        cancelled = int((visits.status == "cancelled").sum())
        late = int(visits.late.sum())
        yield plain("booked", len(visits))
        for name in ("unconfirmed", "confirmed", "completed", "no-show", "cancelled"):
            yield plain(name, by_status.get(name, 0))
        yield plain("due", len(due))
        yield plain("open", due.status.isin(["unconfirmed", "confirmed"]).sum())
        yield part("no-shows of due", (due.status == "no-show").sum(), len(due))
        yield part("cancelled of booked", cancelled, len(visits))
        yield part("late of cancelled", late, cancelled)
        yield part("late of booked", late, len(visits))
        yield part(
            "arrivals noted of completed", done.arrived_at.notna().sum(), len(done)
        )
        yield part("on time of arrivals", self.by.is_on_time(came).sum(), len(came))
        yield from quartiles("minutes late", came.arrived_at - came.starts_at)
        yield from quartiles("minutes of stay", came.completed_at - came.arrived_at)
        ahead = visits[self.by.is_ahead(visits)]
        yield from quartiles("minutes of lead", ahead.lead)
        yield plain("entered after the start", len(visits) - len(ahead))
        yield plain("intake missing", (forms == "missing").sum())
        yield plain("intake sent", (forms == "sent").sum())
        yield part("intake completed", (forms == "completed").sum(), len(forms))
        yield plain("summaries awaiting signature", visits.unsigned.sum())

    def worked(self, minutes: pd.DataFrame, key: object) -> Iterator[Sequence[object]]:
        found = minutes.reindex([key], fill_value=0).iloc[0]
        yield part("booked of offered minutes", found.booked, found.offered)
        yield plain("booked minutes outside of offered", found.outside)

    def time(self) -> pd.DataFrame:
        """Return each half minute of each doctor that is offered or held."""
        return pd.concat([self.time_of(str(i)) for i in self.crowd.doctor_ids])

    def time_of(self, doctor_id: str) -> pd.DataFrame:
        first = pd.Timestamp(self.crowd.first, tz="UTC") - pd.Timedelta(days=3)
        last = pd.Timestamp(self.crowd.last, tz="UTC") + pd.Timedelta(days=4)
        clock = pd.date_range(first, last, freq=HALF_MINUTE, inclusive="left")

        def mark(spans: Iterator[tuple[pd.Timestamp, pd.Timestamp]]) -> Any:
            marked = np.zeros(len(clock), dtype=bool)
            for start, end in spans:
                begin, over = ((t - first) // HALF_MINUTE for t in (start, end))
                marked[max(begin, 0) : max(over, 0)] = True
            return marked

        shown = clock.tz_convert(self.crowd.timezone)
        days = shown.tz_localize(None).normalize()
        offered, held = mark(self.hours(doctor_id)), mark(self.held(doctor_id))
        if not self.by.off_is_offered:
            closed = days.isin(pd.to_datetime(self.closed()))
            offered &= ~(mark(self.off(doctor_id)) | closed)
        within = (days >= str(self.crowd.first)) & (days <= str(self.crowd.last))
        time = pd.DataFrame(
            {
                "day": days,
                "hour": shown.hour,
                "offered": offered,
                "booked": offered & held,
                "outside": held & ~offered,
            }
        )[within & (offered | held)]
        return time.assign(
            doctor_id=doctor_id,
            date=time.day.astype(str),
            weekday=time.day.dt.day_name().str.lower(),
        )

    def instant(self, day: str, moment: str) -> pd.Timestamp:
        return pd.Timestamp(f"{day} {moment}").tz_localize(
            self.crowd.timezone, ambiguous=True, nonexistent="shift_forward"
        )

    def hours(self, doctor_id: str) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
        weekly, dated = (
            table[table.doctor_id == doctor_id]
            for table in (self.tables["working_hours"], self.tables["dated_hours"])
        )
        for day in pd.date_range(
            self.crowd.first - timedelta(days=2), self.crowd.last + timedelta(days=2)
        ):
            on = str(day.date())
            todays = dated[dated.date == on]
            if todays.empty:
                todays = weekly[weekly.weekday == day.day_name().lower()]
            for stretch in todays.dropna(subset="start_time").itertuples():
                over = on
                if stretch.end_time <= stretch.start_time:
                    over = str((day + pd.Timedelta(days=1)).date())
                yield (
                    self.instant(on, stretch.start_time),
                    self.instant(over, stretch.end_time),
                )

    def off(self, doctor_id: str) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
        time_off = self.tables["time_off"]
        for row in time_off[time_off.doctor_id == doctor_id].itertuples():
            yield (
                self.instant(row.start_date, row.start_time),
                self.instant(row.end_date, row.end_time),
            )

    def closed(self) -> list[str]:
        [policy] = self.tables["clinics"].scheduling_policy
        days: list[str] = json.loads(policy)["closed_days"]
        return days

    def held(self, doctor_id: str) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
        visits = self.tables["appointments"]
        standing = self.by.is_real(visits) & self.by.is_standing(visits)
        for visit in visits[standing & (visits.doctor_id == doctor_id)].itertuples():
            yield visit.starts_at, visit.ends_at


def plain(name: str, count: Any) -> tuple[object, ...]:
    return (name, int(count), int(count), None)


def part(name: str, count: Any, of: Any) -> tuple[object, ...]:
    return (name, int(count) / int(of) if of else None, int(count), int(of))


def quartiles(name: str, times: pd.Series) -> Iterator[tuple[object, ...]]:
    minutes = times.dropna() // pd.Timedelta(minutes=1)
    found = minutes.quantile([0.25, 0.5, 0.75])
    for quartile, value in zip(
        ("lower quartile", "median", "upper quartile"), found, strict=True
    ):
        told = None if minutes.empty else float(value)
        yield (f"{name}, {quartile}", told, len(minutes), None)


INSTANTS = {
    "appointments": ["starts_at", "ends_at", "created_at", "arrived_at"],
    "cancellations": ["created_at"],
    "events": ["at"],
}


def raw(path: Path, table: str, crowd: Crowd) -> pd.DataFrame:
    key = "id" if table == "clinics" else "clinic_id"
    with closing(sqlite3.connect(path)) as connection:
        query = f"SELECT * FROM {table} WHERE {key} = ?"
        found = pd.read_sql_query(query, connection, params=[str(crowd.id)])
    for column in INSTANTS.get(table, ()):
        found[column] = pd.to_datetime(found[column], utc=True)
    for column in {"start_time", "end_time"} & {*found.columns}:
        found[column] = found[column].str[:8]
    return found


TABLES = (
    "clinics",
    "working_hours",
    "dated_hours",
    "time_off",
    "appointments",
    "cancellations",
    "events",
    "ai_intake_summaries",
)


@pytest.fixture(scope="module")
def crowded(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Sequence[Crowd]]:
    path = tmp_path_factory.mktemp("crowded") / "clinicflow.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        crowds = list(some_clinics(connection))
    engine.dispose()
    return path, crowds


def ours(path: Path, crowd: Crowd) -> Told:
    store = open_store(f"sqlite:///{path}", FixedClock(crowd.now))
    with closing(store):
        found = counting.figures(
            FiguresRequest(from_=crowd.first, to=crowd.last),
            store.unit_of_work(crowd.id, system("tests")),
        )
    _, *told = rows(found)
    return {
        (figure, group, "" if key is None else str(key)): (value, count, of)
        for figure, group, key, _, value, count, of, *_ in told
    }


def theirs(path: Path, crowd: Crowd, by: Definitions = DEFINED) -> Told:
    tables = {table: raw(path, table, crowd) for table in TABLES}
    return Computed(crowd, pd.Timestamp(crowd.now), tables, by).figures()


def test_the_figures_of_ten_thousand_visits_agree_with_pandas(crowded):
    path, crowds = crowded

    found = {crowd.timezone: ours(path, crowd) for crowd in crowds}

    assert sum(crowd.visits for crowd in crowds) > 10_000
    for crowd in crowds:
        assert found[crowd.timezone] == theirs(path, crowd)


@pytest.mark.parametrize(
    ("spoilt", "found_out"),
    [
        pytest.param(
            {"is_due": lambda visits, now: visits.starts_at <= now},
            {"due", "no-shows of due"},
            id="cancelled visits are due",
        ),
        pytest.param(
            {
                "is_due": lambda visits, now: (
                    (visits.ends_at <= now) & (visits.status != "cancelled")
                )
            },
            {"due", "open", "no-shows of due"},
            id="a visit is due when it ends",
        ),
        pytest.param(
            {"is_standing": lambda visits: visits.status != "cancelled"},
            {"booked of offered minutes", "booked minutes outside of offered"},
            id="missed visits take time",
        ),
        pytest.param(
            {"off_is_offered": True},
            {"booked of offered minutes", "booked minutes outside of offered"},
            id="time off and closed days are offered",
        ),
        pytest.param(
            {"has_form": lambda visits: visits.status != "nothing"},
            {"intake missing", "intake sent", "intake completed"},
            id="cancelled visits have forms",
        ),
        pytest.param(
            {"is_ahead": lambda visits: visits.status != "nothing"},
            {
                "entered after the start",
                "minutes of lead, lower quartile",
                "minutes of lead, median",
                "minutes of lead, upper quartile",
            },
            id="visits that were entered late have a lead",
        ),
        pytest.param(
            {
                "is_unsigned": lambda summaries: (
                    summaries.signed_at.isna() & summaries.superseded_at.isna()
                )
            },
            {"summaries awaiting signature"},
            id="a summary that is being made awaits a signature",
        ),
        pytest.param(
            {
                "is_unsigned": lambda summaries: (
                    summaries.signed_at.isna() & (summaries.status != "generating")
                )
            },
            {"summaries awaiting signature"},
            id="so does one that was replaced",
        ),
        pytest.param(
            {"last_cancellation": lambda grouped: grouped.first()},
            {"late of cancelled", "late of booked"},
            id="the first cancellation counts",
        ),
        pytest.param(
            {
                "is_on_time": lambda visits: (
                    visits.arrived_at <= visits.starts_at + pd.Timedelta(minutes=1)
                )
            },
            {"on time of arrivals"},
            id="a minute late is on time",
        ),
    ],
)
def test_another_definition_would_be_found_out(crowded, spoilt, found_out):
    path, [crowd, *_] = crowded
    found = ours(path, crowd)

    told = theirs(path, crowd, Definitions(**spoilt))

    assert {place[0] for place in found if found[place] != told[place]} == found_out


def test_a_time_that_is_only_offered_would_be_found_out_as_a_visit(crowded):
    path, [crowd, *_] = crowded
    spoilt = Definitions(is_real=lambda visits: visits.status != "nothing")

    told = theirs(path, crowd, spoilt)

    of_total = ("booked", "total", "")
    assert told[of_total] > ours(path, crowd)[of_total]


def test_the_figures_of_one_doctor_are_those_among_all(crowded):
    path, [crowd, *_] = crowded
    store = open_store(f"sqlite:///{path}", FixedClock(crowd.now))
    uow = store.unit_of_work(crowd.id, system("tests"))
    days = {"from_": crowd.first, "to": crowd.last}

    with closing(store):
        of_all = counting.figures(FiguresRequest(**days), uow)
        alone = [
            counting.figures(FiguresRequest(**days, doctor_id=doctor_id), uow)
            for doctor_id in crowd.doctor_ids
        ]

    assert [each.total for each in alone] == [
        doctor.figures for doctor in of_all.by_doctor
    ]
