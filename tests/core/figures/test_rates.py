from __future__ import annotations

import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.figures.rates import Rate, Share, Spread, spread_of
from clinicflow_core.wire import dump


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        pytest.param(81, 263, 0.2553, 0.3662, id="81 of 263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="15 of 148"),
        pytest.param(0, 20, 0.0000, 0.1611, id="none of 20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="1 of 29"),
        # As SciPy's binomtest has it by the method "wilson".
        pytest.param(1, 1, 0.2065, 1.0000, id="one of one"),
        pytest.param(29, 29, 0.8830, 1.0000, id="all of 29"),
        pytest.param(8, 10, 0.4902, 0.9433, id="8 of 10"),
        pytest.param(50, 10_000, 0.0038, 0.0066, id="50 of 10,000"),
    ],
)
def test_a_rate_has_the_interval_that_wilson_gives_it(count, of, low, high):
    rate = Rate(count, of)

    assert rate.low == pytest.approx(low, abs=5e-5)
    assert rate.high == pytest.approx(high, abs=5e-5)


def test_of_nothing_there_is_no_rate():
    nothing = Rate(0, 0)

    assert (nothing.rate, nothing.low, nothing.high) == (None, None, None)
    assert Share(0, 0).rate is None


def test_a_rate_is_told_with_its_interval_and_a_share_without():
    assert dump(Rate(0, 4)) == {
        "count": 0,
        "of": 4,
        "rate": 0.0,
        "low": 0.0,
        "high": pytest.approx(0.4899, abs=5e-5),
    }
    assert dump(Share(1, 4)) == {"count": 1, "of": 4, "rate": 0.25}


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    of = draw(st.integers(1, 10**6))
    return Rate(draw(st.integers(0, of)), of)


@given(rates())
def test_a_rate_lies_in_its_interval_and_that_between_none_and_all(rate):
    assert rate.rate is not None
    assert rate.low is not None
    assert rate.high is not None
    assert 0 <= rate.low <= rate.rate <= rate.high <= 1


@given(rates())
def test_the_interval_of_what_did_not_happen_is_the_mirror_image(rate):
    others = Rate(rate.of - rate.count, rate.of)

    assert others.low == pytest.approx(1 - (rate.high or 0))
    assert others.high == pytest.approx(1 - (rate.low or 0))


@given(rates())
def test_at_the_ends_of_the_interval_the_rate_is_just_as_far_as_95_percent(rate):
    """Wilson's ends are where the score test turns: (p - q)^2 = z^2 q (1 - q) / n."""
    z = statistics.NormalDist().inv_cdf(0.975)
    for end in (rate.low, rate.high):
        assert end is not None
        assert (rate.rate - end) ** 2 == pytest.approx(
            z**2 * end * (1 - end) / rate.of, abs=1e-12
        )


@pytest.mark.parametrize(
    ("minutes", "quartiles"),
    [
        pytest.param([7], (7, 7, 7), id="one"),
        pytest.param([10, 20], (12.5, 15, 17.5), id="two"),
        pytest.param([3, 1, 2], (1.5, 2, 2.5), id="three, in no order"),
        pytest.param([1, 2, 3, 4], (1.75, 2.5, 3.25), id="four"),
        pytest.param([-30, 0, 5, 5, 100], (0, 5, 5), id="five"),
    ],
)
def test_quartiles_lie_on_the_line_between_the_numbers(minutes, quartiles):
    spread = spread_of(minutes)

    assert spread.count == len(minutes)
    found = (spread.lower_quartile, spread.median, spread.upper_quartile)
    assert found == quartiles


def test_of_no_minutes_there_are_no_quartiles():
    assert spread_of([]) == Spread(
        count=0, lower_quartile=None, median=None, upper_quartile=None
    )


@given(st.lists(st.integers(-(10**6), 10**6), min_size=2))
def test_quartiles_are_those_of_the_standard_library(minutes):
    exact = statistics.quantiles(map(Fraction, minutes), n=4, method="inclusive")

    spread = spread_of(minutes)

    found = (spread.lower_quartile, spread.median, spread.upper_quartile)
    assert found == tuple(exact)
