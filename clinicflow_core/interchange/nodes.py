"""FHIR resources, part by part: every mistake is noted, and none ends the reading."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from clinicflow_core.errors import Problem
from clinicflow_core.interchange.extensions import LOOKS
from clinicflow_core.wire import INT64, pointer_step

OUTSIDE: Final = "is outside of what is read from FHIR"
MAX_DEPTH: Final = 64
"""How deep objects and lists may nest at all."""


def too_deep(document: object) -> bool:
    """Return whether *document* nests deeper than `MAX_DEPTH`."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inner(value)]
        if not level:
            return False
    return True


def _inner(value: object) -> Collection[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


@frozen
class Node:
    """
    A JSON object with the place where it stands.

    What is asked of it and is not as it should be is noted, and counts as left out.

    Attributes:
        problems: What was noted, of the whole document.
    """

    value: Mapping[str, Any]
    pointer: str
    problems: list[Problem] = field(repr=False)

    def text(self, key: str) -> str | None:
        value: str | None = self._of_type(key, str, "must be text")
        return value

    def flag(self, key: str) -> bool:
        return self._of_type(key, bool, "must be true or false") or False

    def whole(self, key: str) -> int | None:
        value: int | None = self._of_type(key, int, "must be a whole number")
        if value is not None and value not in INT64:
            self.wrong(f"/{key}", "must fit into 64 bits")
            return None
        return value

    def nodes(self, key: str) -> Iterator[Node]:
        pointer = f"{self.pointer}/{key}"
        items = self.value.get(key, [])
        if type(items) is not list:
            self.problems.append(Problem(pointer, "must be a list"))
            return
        for position, item in enumerate(items):
            inner = node(item, f"{pointer}/{position}", self.problems)
            if inner is not None:
                yield inner

    def node(self, key: str) -> Node | None:
        if key not in self.value:
            return None
        return node(self.value[key], f"{self.pointer}/{key}", self.problems)

    def choice(self, prefix: str) -> str | None:
        """Return the key that is there of those as `value[x]`, *prefix* being value."""
        keys = [key for key in self.value if key.startswith(prefix)]
        if len(keys) == 1:
            return keys[0]
        detail = "must be there once" if keys else "is required"
        self.wrong(f"/{prefix}[x]", detail)
        return None

    def only(self, *known: Collection[str], prefix: str = "\0") -> None:
        """
        Note every key that is not *known*.

        What is known may have another key beside it, as `_text` for `text`, if that
        only says how it looks.

        Args:
            prefix: What starts so is known too.
        """
        for key in self.value:
            name = str(key)
            bare = name.removeprefix("_")
            if not (name.startswith(prefix) or any(bare in keys for keys in known)):
                self.wrong(pointer_step(key), OUTSIDE)
            elif bare != name and (beside := self.node(name)):
                for extension in beside.nodes("extension"):
                    if (url := extension.text("url")) not in LOOKS:
                        extension.unsupported(url)

    def unsupported(self, url: str | None) -> None:
        """Note that an extension, this one, is not read."""
        self.wrong("", f"the extension {str(url)[:200]} is not supported")

    def wrong(self, place: str, detail: str) -> None:
        """Note a mistake at *place*, a pointer from here."""
        self.problems.append(Problem(self.pointer + place, detail))

    def _of_type(self, key: str, kind: type, detail: str) -> Any:
        value = self.value.get(key)
        if value is not None and type(value) is not kind:
            self.wrong(f"/{key}", detail)
            return None
        return value


def node(value: object, pointer: str, problems: list[Problem]) -> Node | None:
    """Return *value* as a node, or note that it is no object."""
    if type(value) is not dict:
        problems.append(Problem(pointer, "must be an object"))
        return None
    return Node(value, pointer, problems)
