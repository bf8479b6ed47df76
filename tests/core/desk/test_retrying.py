from __future__ import annotations

import pytest

from clinicflow_core.desk.retrying import retried
from clinicflow_core.errors import (
    ContentionError,
    EmailTakenError,
    StaleVersionError,
    StoreBusyError,
)


def losing(times, error=None):
    """Return an act that somebody gets in the way of so many times."""
    tries = []

    @retried
    def act(word, *, ending="!"):
        """Say a word."""
        tries.append(word)
        if len(tries) <= times:
            raise error or ContentionError(EmailTakenError())
        return word + ending

    return act, tries


@pytest.mark.parametrize("times", [0, 1, 3])
def test_who_lost_a_race_tries_again(times):
    act, tries = losing(times)

    assert act("hello", ending="?") == "hello?"
    assert len(tries) == times + 1


def test_who_lost_four_times_is_told_what_stood_in_the_way():
    act, tries = losing(4)

    with pytest.raises(EmailTakenError) as refusal:
        act("hello")

    assert len(tries) == 4
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("error", [StoreBusyError(), EmailTakenError(), KeyError()])
def test_other_refusals_are_final(error):
    act, tries = losing(1, error)

    with pytest.raises(type(error)):
        act("hello")

    assert len(tries) == 1


def test_the_last_refusal_counts():
    refusals = [ContentionError(StoreBusyError())] * 3
    refusals.append(ContentionError(StaleVersionError(None)))

    @retried
    def act():
        raise refusals.pop(0)

    with pytest.raises(StaleVersionError):
        act()


def test_an_act_keeps_its_name_and_words():
    act, _ = losing(0)

    assert (act.__name__, act.__doc__) == ("act", "Say a word.")
