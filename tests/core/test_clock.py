from __future__ import annotations

from datetime import UTC, datetime, timedelta

from clinicflow_core.clock import FixedClock, SystemClock
from tests.builders import NOW


def test_the_systems_clock_tells_utc_and_goes_on():
    first = SystemClock().now()
    second = SystemClock().now()

    assert first.tzinfo is UTC
    assert timedelta() <= second - first < timedelta(minutes=1)
    assert first > datetime(2026, 1, 1, tzinfo=UTC)


def test_a_fixed_clock_stands_still():
    clock = FixedClock(NOW)

    assert clock.now() == clock.now() == NOW
