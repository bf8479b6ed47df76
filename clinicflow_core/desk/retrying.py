"""Acts that lost a race are tried again, a few times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from clinicflow_core.errors import ContentionError

P = ParamSpec("P")
R = TypeVar("R")

_TRIES = 4
_LONGEST_PAUSE_SECONDS = 0.05


def retried(act: Callable[P, R]) -> Callable[P, R]:
    """
    Make *act* try again when somebody got in between, at most three times.

    If that does not help, the refusal that the last try carries is raised.
    """

    @wraps(act)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        for left in reversed(range(_TRIES)):
            try:
                return act(*args, **kwargs)
            except ContentionError as contention:
                if not left:
                    raise contention.refusal from None
                time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311  Jitter.
        raise AssertionError("unreachable")  # pragma: no cover

    return tried
