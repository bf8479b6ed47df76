from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from clinicflow_core.entities.policy import HolidayRegion, SchedulingPolicy
from clinicflow_core.scheduling.closures import closed_spans, is_known
from clinicflow_core.timespan import TimeSpan, local_day, zone_of
from tests.builders import ZONE
from tests.core.scheduling.diaries import on_day

CHRISTMAS, NEW_YEAR = date(2026, 12, 25), date(2027, 1, 1)
DAYS = tuple(date(2026, 12, 20) + timedelta(days=n) for n in range(20))
US = HolidayRegion(country="US")


def closed(policy, *dated, first=DAYS[0], last=DAYS[-1]):
    return [
        span.start.astimezone(ZONE).date()
        for span in closed_spans(policy, dated, first, last, ZONE)
    ]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        pytest.param(0, 19, [1, 3], id="in order, each once"),
        pytest.param(1, 3, [1, 3], id="at both ends"),
        pytest.param(2, 3, [3], id="not before the first day"),
        pytest.param(1, 2, [1], id="not after the last day"),
        pytest.param(2, 2, [], id="between them"),
    ],
)
def test_the_clinic_is_closed_on_the_days_it_names(first, last, expected):
    policy = SchedulingPolicy(closed_days=(DAYS[3], DAYS[1], DAYS[3]))

    found = closed(policy, first=DAYS[first], last=DAYS[last])

    assert found == [DAYS[n] for n in expected]


def test_public_holidays_of_all_years_in_question_are_closed_days():
    assert closed(SchedulingPolicy(public_holidays=US)) == [CHRISTMAS, NEW_YEAR]
    assert closed(SchedulingPolicy()) == []


def test_a_holiday_that_the_clinic_names_too_is_one_closed_day():
    policy = SchedulingPolicy(public_holidays=US, closed_days=(CHRISTMAS, DAYS[6]))

    assert closed(policy) == [CHRISTMAS, DAYS[6], NEW_YEAR]


def test_hours_of_a_day_open_a_holiday_and_no_other_closed_day():
    policy = SchedulingPolicy(public_holidays=US, closed_days=(DAYS[6],))
    dated = [on_day(CHRISTMAS, "09:00-12:00"), on_day(DAYS[6], "09:00-12:00")]

    assert closed(policy, *dated, on_day(NEW_YEAR)) == [DAYS[6], NEW_YEAR]


def test_a_closed_day_is_as_long_as_the_clinics_clocks_make_it():
    short, long = date(2026, 3, 8), date(2026, 11, 1)
    policy = SchedulingPolicy(closed_days=(short, long))

    found = closed_spans(policy, (), short, long, ZONE)

    assert found == [local_day(short, ZONE), local_day(long, ZONE)]
    assert [span.end - span.start for span in found] == [
        timedelta(hours=23),
        timedelta(hours=25),
    ]


def test_a_day_that_clocks_skip_need_not_be_closed():
    skipped = date(2011, 12, 30)
    policy = SchedulingPolicy(closed_days=(skipped, skipped + timedelta(days=1)))

    found = closed_spans(policy, (), skipped, date(2012, 1, 1), zone_of("Pacific/Apia"))

    midnight = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert found == [TimeSpan(midnight, midnight + timedelta(days=1))]


@pytest.mark.parametrize(
    ("country", "part", "known"),
    [
        pytest.param("US", None, True, id="a country"),
        pytest.param("US", "NY", True, id="a part of it"),
        pytest.param("AT", "9", True, id="a part by its number"),
        pytest.param("US", "XX", False, id="no part of it"),
        pytest.param("XX", None, False, id="no country"),
        pytest.param("us", None, False, id="not as ISO 3166 writes it"),
        pytest.param("APR", None, False, id="a month"),
    ],
)
def test_holidays_are_known_of_some_places_alone(country, part, known):
    assert is_known(HolidayRegion(country=country, region=part)) is known
