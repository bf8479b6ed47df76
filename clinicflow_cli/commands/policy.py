"""`clinicflow policy`: what the clinic, or a doctor instead, asks of the diary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import As, example, given, in_clinic, request
from clinicflow_cli.output import tell
from clinicflow_cli.people import doctor_named
from clinicflow_core.desk import policies
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.policy import (
    AS_THE_CLINIC,
    DEFAULT_DURATION,
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.wire import dump

_LABELS = {
    "slot_step": "Starts, minutes apart",
    "buffer_before": "Minutes free before",
    "buffer_after": "Minutes free after",
    "min_notice": "Notice, minutes",
    "max_horizon_days": "Horizon, days",
    "daily_limit": "Visits a day",
    "default_durations": "Minutes of a visit",
    "closed_days": "Closed",
    "public_holidays": "Holidays of",
    "cancellation_cutoff": "Cut-off, minutes",
    "offer_minutes": "Offers held, minutes",
}

_NONE_OF = {
    "no_horizon": "max_horizon_days",
    "no_daily_limit": "daily_limit",
    "no_holidays": "public_holidays",
}
"""The field that each of these options empties."""


class _Duration(click.ParamType[tuple[str, int]]):
    """The minutes of a category, as new-patient=45."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        category, _, minutes = value.partition("=")
        try:
            return category, int(minutes)
        except ValueError:
            self.fail("must be as new-patient=45", param, ctx)


@click.command(
    epilog=example(
        "clinicflow policy",
        "clinicflow policy --slot-step 20 --buffer-after 5 --holidays US-NY \\",
        "    --close 2026-12-24 --default-duration new-patient=45",
        "clinicflow policy --doctor chen --daily-limit 12",
    )
)
@click.option(
    "--doctor",
    "doctor_words",
    metavar="DOCTOR",
    help="What this doctor asks for instead: id or part of the name.",
)
@click.option(
    "--as-clinic", is_flag=True, help="Let the --doctor ask for nothing of their own."
)
@click.option(
    "--slot-step",
    type=int,
    metavar="MINUTES",
    help="How far apart the starts lie that are offered.",
)
@click.option(
    "--buffer-before",
    type=int,
    metavar="MINUTES",
    help="What stays free of other visits before each one.",
)
@click.option(
    "--buffer-after", type=int, metavar="MINUTES", help="The same after each one."
)
@click.option(
    "--min-notice",
    type=int,
    metavar="MINUTES",
    help="From the booking to the start, at least.",
)
@click.option(
    "--horizon-days",
    "max_horizon_days",
    type=int,
    metavar="DAYS",
    help="From today to the last day that can be booked.",
)
@click.option("--no-horizon", is_flag=True, help="Any day can be booked.")
@click.option(
    "--daily-limit",
    type=int,
    metavar="N",
    help="How many visits a doctor has on one day at most.",
)
@click.option("--no-daily-limit", is_flag=True, help="Any number of them.")
@click.option(
    "--default-duration",
    "default_durations",
    type=_Duration(),
    multiple=True,
    metavar="CATEGORY=MINUTES",
    help="How long visits of a category take, as new-patient=45; can be given again.",
)
@click.option(
    "--close",
    "closed",
    type=As(date, "date"),
    multiple=True,
    metavar="DATE",
    help="A day on which nobody works; can be given again.",
)
@click.option(
    "--open",
    "opened",
    type=As(date, "date"),
    multiple=True,
    metavar="DATE",
    help="Such a day, not closed any more; can be given again.",
)
@click.option(
    "--holidays",
    "public_holidays",
    metavar="REGION",
    help="Whose public holidays are closed too, as US or US-NY; the dated hours of a "
    "doctor open one.",
)
@click.option("--no-holidays", is_flag=True, help="No public holiday is closed.")
@click.option(
    "--cancellation-cutoff",
    type=int,
    metavar="MINUTES",
    help="Before the start, from which on a cancellation counts as late.",
)
@click.option(
    "--offer-minutes",
    type=int,
    metavar="MINUTES",
    help="How long a time is held for somebody on the waitlist.",
)
@in_clinic
@pass_reception
def policy(
    reception: Reception,
    /,
    doctor_words: str | None,
    as_clinic: bool,
    **options: Any,
) -> None:
    """
    Show or set what the clinic, or a doctor instead, asks of the diary.

    What is not given stays. Visits that were booked before stay too; those on days
    that are closed now are listed by 'clinicflow time-off stranded'.
    """
    uow = reception.unit_of_work()
    changes = {
        name: value
        for name, value in options.items()
        if value is not None and value is not False and value != ()
    }
    if doctor_words is None:
        if as_clinic:
            raise click.UsageError("--as-clinic needs the doctor: --doctor DOCTOR.")
        _of_clinic(changes, uow)
    else:
        _refuse_all_but(DoctorPolicy, changes)
        _of_doctor(doctor_named(doctor_words, uow), changes, uow, anew=as_clinic)


def _of_clinic(changes: Mapping[str, Any], uow: UnitOfWork) -> None:
    kept = policies.policy(uow)
    if changes:
        wanted = request(SchedulingPolicy, **_changed(_fields(kept.policy), changes))
        kept = policies.set_policy(wanted, uow, kept.version)
    tell(kept, *_shown(kept.policy))


def _of_doctor(
    doctor: Doctor, changes: Mapping[str, Any], uow: UnitOfWork, *, anew: bool
) -> None:
    kept = policies.doctor_policy(doctor.id, uow)
    if changes or anew:
        before = {} if anew else _fields(kept.policy)
        wanted = request(DoctorPolicy, **_changed(before, changes))
        kept = policies.set_doctor_policy(doctor.id, wanted, uow, kept.version)
    tell(
        {"doctor_id": doctor.id, "policy": kept.policy, "version": kept.version},
        doctor.name,
        *(f"  {line}" for line in _shown(kept.policy)),
        *(["  as the clinic"] if kept.policy == AS_THE_CLINIC else []),
    )


def _refuse_all_but(kind: type[DoctorPolicy], changes: Mapping[str, object]) -> None:
    names = set(_fields(kind()))
    params = click.get_current_context().command.params
    alien = [p.opts[0] for p in params if p.name in changes and p.name not in names]
    if alien:
        raise click.UsageError(f"{', '.join(alien)}: for the clinic, not a doctor.")


def _fields(kept: SchedulingPolicy | DoctorPolicy) -> dict[str, Any]:
    """Return *kept* as a request has it."""
    fields = dump(kept)
    assert isinstance(fields, dict)
    return fields


def _changed(before: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a policy after what *options* say."""
    changes = dict(options)
    for flag, name in _NONE_OF.items():
        if changes.pop(flag, False):
            if name in changes:
                option = f"--{flag.replace('_', '-')}"
                raise click.UsageError(f"{option} goes with no other value.")
            changes[name] = None
    if region := changes.get("public_holidays"):
        country, _, part = region.partition("-")
        changes["public_holidays"] = given(country=country, region=part or None)
    if durations := changes.pop("default_durations", ()):
        known = before.get("default_durations") or {}
        changes["default_durations"] = {**known, **dict(durations)}
    closed, opened = (
        {day.isoformat() for day in changes.pop(name, ())}
        for name in ("closed", "opened")
    )
    if closed or opened:
        changes["closed_days"] = sorted({*before["closed_days"], *closed} - opened)
    return {**before, **changes}


def _shown(kept: SchedulingPolicy | DoctorPolicy) -> Iterator[str]:
    is_whole = isinstance(kept, SchedulingPolicy)
    for name, label in _LABELS.items():
        value = getattr(kept, name, None)
        if is_whole or value is not None:
            told = _told(name, value)
            if is_whole and name == "default_durations":
                told = ", ".join(filter(None, (told, f"else {DEFAULT_DURATION}")))
            yield f"{label + ':':<24}{told}"


def _told(name: str, value: object) -> str:
    if value is None:
        return "none" if name == "public_holidays" else "any"
    if isinstance(value, HolidayRegion):
        return "-".join(filter(None, (value.country, value.region)))
    if isinstance(value, Mapping):
        return ", ".join(f"{category} {n}" for category, n in sorted(value.items()))
    if isinstance(value, Sequence):
        return ", ".join(map(str, value)) or "no day"
    return str(value)
