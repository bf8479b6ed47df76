"""How much an act does, counted: seconds would tell how busy the machine is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls(act: Callable[[], object], most: int) -> int:
    """
    Return how many functions *act* calls, Python's and C's.

    Raises:
        AssertionError: As soon as there are more than *most*, so that what would go
            on for ever ends.
    """
    made = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}
        assert made <= most, f"more than {most} calls"

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return made
