"""
Phrases: what people say, written so that a reader sees it, as regular expressions.

A phrase stands on a line of its own. Its groups do not capture, its apostrophe stands
for the typographic one as well, and case does not count.
"""

from __future__ import annotations

import re

_GROUP = re.compile(r"(?<!\\)\((?!\?)")


def any_of(lines: str) -> str:
    """Return a group for any of *lines*, the first that fits, to build patterns of."""
    phrases_ = (line.strip() for line in lines.strip().splitlines())
    alternatives = "|".join(phrases_)
    return f"(?:{_GROUP.sub('(?:', alternatives)})".replace("'", "['\u2019]")


def phrases(lines: str) -> re.Pattern[str]:
    """Return a pattern for any of *lines* as whole words."""
    return compiled(rf"\b{any_of(lines)}\b")


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern to which case does not count."""
    return re.compile(pattern, re.IGNORECASE)
