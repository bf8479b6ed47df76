"""`clinicflow audit` and `permissions`: who did what, and who may."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.failures import Failure
from clinicflow_cli.options import example, in_clinic, json_option
from clinicflow_cli.output import table, tell
from clinicflow_core.accounts.keys import Purpose, key_for
from clinicflow_core.accounts.permissions import PERMISSIONS, Part, Permission
from clinicflow_core.desk import audit as acts
from clinicflow_core.entities.event import Event
from clinicflow_core.json_text import read_json
from clinicflow_core.trail import Seal
from clinicflow_core.wire import dump, structure


@click.group(epilog=example("clinicflow audit verify"))
def audit() -> None:
    """Show the trail of what happened, and find out whether it was changed."""


@audit.command(
    epilog=example(
        "clinicflow audit show",
        "clinicflow audit show 1b4e28ba-2fa1-4d3b-883f-0016d3cca427 --json",
    )
)
@click.argument("record", type=click.UUID, required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="How many to show at most, if no RECORD is named.",
)
@in_clinic
@pass_reception
def show(reception: Reception, record: UUID | None, limit: int) -> None:
    """Show what happened to RECORD, by its id, or else what happened last."""
    uow = reception.unit_of_work()
    events = acts.newest(limit, uow) if record is None else acts.events_of(record, uow)
    rows = table("When", "What", "Record", "Who", "Why")
    for event in events:
        rows.add_row(
            event.at.isoformat(timespec="seconds"),
            event.kind,
            str(event.record_id),
            _who(event),
            event.reason or "",
        )
    tell({"items": events}, rows if events else "Nothing happened.")


@audit.command(
    epilog=example(
        "clinicflow audit verify",
        "clinicflow audit verify --seal /media/vault/2026-11.json",
    )
)
@click.option(
    "--seal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A seal that was made before, to find events cut off the end as well.",
)
@in_clinic
@pass_reception
def verify(reception: Reception, seal: Path | None) -> None:
    """
    Look for events that were changed, removed or moved.

    Ends with exit status 1 if there are any, and names them.
    """
    uow = reception.unit_of_work()
    if seal is None:
        found = acts.verify(uow)
    else:
        found = acts.verify(uow, _read_seal(seal), _key(reception))
    if found.flaws:
        raise Failure(
            "The trail was changed.",
            "trail-broken",
            details=[f"  {flaw}" for flaw in found.flaws],
            facts={"flaws": dump(found.flaws)},
        )
    tell(
        found,
        f"The trail is whole: {found.events} events of {found.records} records.",
    )


@audit.command(epilog=example("clinicflow audit seal /media/vault/2026-11.json"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@in_clinic
@pass_reception
def seal(reception: Reception, file: Path) -> None:
    """
    Write a seal of the trail, as it is now, to FILE.

    Keep it where nobody who can change the database can change it too.
    """
    made = acts.seal(reception.unit_of_work(), _key(reception))
    try:
        with file.open("x", encoding="utf-8") as opened:
            json.dump(dump(made), opened, indent=1)
            opened.write("\n")
    except OSError as error:
        raise Failure(f"Cannot write {file}: {error.strerror}.") from None
    tell(
        {"file": str(file), "records": len(made.heads)},
        f"Sealed the trail of {len(made.heads)} records in {file}.",
    )


@click.command(
    epilog=example("clinicflow permissions", "clinicflow permissions --json")
)
@json_option
def permissions() -> None:
    """Print who may do what."""
    rows = table("", *(part.value for part in Part))
    for permission in Permission:
        marks = ("x" if permission in PERMISSIONS[part] else "" for part in Part)
        rows.add_row(permission.value, *marks)
    tell(
        {
            part.value: [p.value for p in Permission if p in PERMISSIONS[part]]
            for part in Part
        },
        rows,
    )


def _who(event: Event) -> str:
    return str(event.user_id or event.actor)


def _key(reception: Reception) -> bytes:
    # Here, because it is slow to load, and only a seal needs it.
    from clinicflow_core.settings import signing_secret  # noqa: PLC0415  As said.

    return key_for(Purpose.SEAL, signing_secret(reception.settings))


def _read_seal(file: Path) -> Seal:
    try:
        return structure(read_json(file.read_bytes()), Seal)
    except OSError as error:
        raise Failure(f"Cannot read {file}: {error.strerror}.") from None
