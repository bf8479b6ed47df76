"""Bars and sparklines of plain characters."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_PLAIN_LEVELS = ".:-=+*#@"
_NOTHING = " "


def bar(part: float, width: int) -> str:
    """
    Return a bar that fills *part* of *width*, from 0 to 1, and no more than that.

    A part that is not nothing shows at least the thinnest mark.
    """
    part = min(max(part, 0.0), 1.0)
    if not _draws_blocks():
        return "#" * max(round(part * width), part > 0)
    whole, eighths = divmod(max(round(part * width * 8), part > 0), 8)
    return (_EIGHTHS[8] * whole + _EIGHTHS[eighths]).rstrip()


def sparkline(values: Sequence[float | None]) -> str:
    """Return a mark for each value, the highest as high as it gets; None is a gap."""
    levels = _LEVELS if _draws_blocks() else _PLAIN_LEVELS
    most = max((value for value in values if value is not None), default=0.0)
    return "".join(
        _NOTHING if value is None else levels[_level(value, most, len(levels))]
        for value in values
    )


def _level(value: float, most: float, levels: int) -> int:
    # Only nothing is lowest, so that little can be told from it.
    return 0 if value <= 0 else max(1, round(value / most * (levels - 1)))


def _draws_blocks() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
