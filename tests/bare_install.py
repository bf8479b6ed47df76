"""
Checks an installation without extras: all of the core but its stores imports.

Run by ``nox -s bare`` in an environment that has the core's four libraries only.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import clinicflow_core

NEEDS_AN_EXTRA = ("clinicflow_core.sql", "clinicflow_core.settings")
NOT_OURS = {
    "alembic",
    "bcrypt",
    "click",
    "flask",
    "openai",
    "psycopg",
    "rich",
    "sqlalchemy",
    "typed_settings",
}


def modules_of_the_core() -> list[str]:
    """Return the names of all modules that must import without an extra."""
    names = []
    for module in pkgutil.iter_modules(clinicflow_core.__path__, "clinicflow_core."):
        if module.name not in NEEDS_AN_EXTRA:
            names.append(module.name)
            # Walking a package imports it: here that is what is asked.
            path = getattr(importlib.import_module(module.name), "__path__", ())
            names += [m.name for m in pkgutil.walk_packages(path, f"{module.name}.")]
    return names


def main() -> None:
    """Import them all; fail if one is missing something or brings in a framework."""
    names = modules_of_the_core()
    for name in names:
        importlib.import_module(name)
    if brought_in := NOT_OURS & sys.modules.keys():
        sys.exit(f"Importing the core brings in {', '.join(sorted(brought_in))}.")
    if not names:
        sys.exit("No module of the core was found.")
    print(f"{len(names)} modules of the core import on their own.")


if __name__ == "__main__":
    main()
