from __future__ import annotations

from pathlib import Path

from clinicflow_core.accounts.permissions import PERMISSIONS, Part, Permission

ACCOUNTS = Path(__file__).parents[2] / "docs" / "accounts.md"


def test_the_documents_show_the_permissions_that_count() -> None:
    rows = ["| | " + " | ".join(part.value for part in Part) + " |"]
    rows.append("|---" * (len(Part) + 1) + "|")
    for permission in Permission:
        marks = (" x |" if permission in PERMISSIONS[p] else " |" for p in Part)
        rows.append(f"| {permission.value} |{''.join(marks)}")

    assert "\n".join(rows) in ACCOUNTS.read_text(encoding="utf-8")
