from __future__ import annotations

import pytest

from tests.benchmarks.duplicates import febrl, ours, theirs

pytestmark = pytest.mark.slow


def test_more_duplicates_are_found_than_by_classifiers_and_few_wrong_ones():
    judge = febrl(3)

    found = ours(judge)

    assert found.precision > 0.97
    assert found.recall > 0.89
    assert found.f_score > 0.94
    assert found.f_score > max(score.f_score for score in theirs(judge)) > 0.85


@pytest.mark.parametrize("number", [1, 2])
def test_the_sets_that_the_points_were_tuned_on_are_found_as_well(number):
    found = ours(febrl(number))

    assert found.precision > 0.97
    assert found.f_score > 0.94
