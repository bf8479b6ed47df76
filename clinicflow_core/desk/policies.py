"""Scheduling policies: what the clinic, or one doctor, asks of the diary."""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import date, timedelta

from attrs import evolve, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import (
    MOST_CLOSED_DAYS,
    DoctorPolicy,
    SchedulingPolicy,
)
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.closures import is_known


@frozen(kw_only=True)
class KeptPolicy:
    """
    The clinic's policy.

    Attributes:
        version: Of the clinic, which a new policy changes.
    """

    policy: SchedulingPolicy
    version: int


@frozen(kw_only=True)
class Closure:
    """
    Days on which the clinic is closed, at most `MOST_CLOSED_DAYS`.

    Attributes:
        last: The last of them; None if it is one day.
    """

    first: date
    last: date | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= (self.end - self.first).days < MOST_CLOSED_DAYS:
            longest = MOST_CLOSED_DAYS - 1
            detail = f"must be 0 to {longest} days after the first"
            raise InvalidError((Problem("/last", detail),))

    @property
    def end(self) -> date:
        return self.last or self.first

    @property
    def days(self) -> frozenset[date]:
        count = (self.end - self.first).days + 1
        return frozenset(self.first + n * timedelta(days=1) for n in range(count))


@frozen(kw_only=True)
class KeptDoctorPolicy:
    """
    What a doctor asks for instead of the clinic's policy.

    Attributes:
        version: Of the doctor, which a new policy changes.
    """

    policy: DoctorPolicy
    version: int


def policy(uow: UnitOfWork) -> KeptPolicy:
    """Return the clinic's scheduling policy."""
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        return KeptPolicy(policy=uow.clinic.policy, version=uow.clinic.version)


@retried
def set_policy(
    request: SchedulingPolicy, uow: UnitOfWork, version: int | None = None
) -> KeptPolicy:
    """
    Replace the clinic's scheduling policy; what is left out is as by default.

    Visits that were booked before stay.

    Args:
        version: Of the clinic, for which it is meant; None for any.

    Raises:
        StaleVersionError: If the clinic has another *version*.
        InvalidError: If nobody knows the public holidays that it names.
    """
    region = request.public_holidays
    if region is not None and not is_known(region):
        detail = "is no country or region whose holidays are known, as US and NY"
        raise InvalidError((Problem("/public_holidays", detail),))
    with uow:
        uow.actor.must(Permission.KEEP_CLINIC)
        require_version(uow.clinic, version)
        closed = tuple(sorted(set(request.closed_days)))
        kept = evolve(request, closed_days=closed)
        clinic = uow.clinic.changed({"policy": kept}, uow.now)
        uow.change_clinic(clinic)
        uow.record("clinic.policy-set", clinic)
        uow.commit()
    return KeptPolicy(policy=kept, version=clinic.version)


@retried
def close(closure: Closure, uow: UnitOfWork) -> frozenset[date]:
    """
    Close the clinic on some days; visits that were booked on them stay.

    Returns:
        The days of *closure* that were open before.

    Raises:
        InvalidError: If these would be more closed days than can be kept.
    """
    return _with_closed_days(closure.days.union, uow)


@retried
def open_again(closure: Closure, uow: UnitOfWork) -> frozenset[date]:
    """
    Take some days from the closed ones of the clinic.

    Returns:
        The days of *closure* that were closed before.
    """
    return _with_closed_days(lambda closed: closed - closure.days, uow)


def _with_closed_days(
    change: Callable[[Set[date]], Set[date]], uow: UnitOfWork
) -> frozenset[date]:
    with uow:
        uow.actor.must(Permission.KEEP_CLINIC)
        before = frozenset(uow.clinic.policy.closed_days)
        closed = change(before)
        if closed == before:
            return frozenset()
        if len(closed) > MOST_CLOSED_DAYS:
            detail = f"must have at most {MOST_CLOSED_DAYS} items"
            raise InvalidError((Problem("/closed_days", detail),))
        policy = evolve(uow.clinic.policy, closed_days=tuple(sorted(closed)))
        clinic = uow.clinic.changed({"policy": policy}, uow.now)
        uow.change_clinic(clinic)
        uow.record("clinic.policy-set", clinic)
        uow.commit()
    return before.symmetric_difference(closed)


def doctor_policy(doctor_id: DoctorId, uow: UnitOfWork) -> KeptDoctorPolicy:
    """
    Return what a doctor asks for instead of the clinic's policy.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        doctor = uow.doctors.get(doctor_id)
        return KeptDoctorPolicy(policy=doctor.policy, version=doctor.version)


@retried
def set_doctor_policy(
    doctor_id: DoctorId,
    request: DoctorPolicy,
    uow: UnitOfWork,
    version: int | None = None,
) -> KeptDoctorPolicy:
    """
    Replace what a doctor asks for instead of the clinic's policy.

    Args:
        version: Of the doctor, for which it is meant; None for any.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
        StaleVersionError: If the doctor has another *version*.
    """
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        before = uow.doctors.get(doctor_id)
        require_version(before, version)
        doctor = before.changed({"policy": request})
        uow.doctors.save(doctor)
        uow.record("doctor.policy-set", doctor)
        uow.commit()
    return KeptDoctorPolicy(policy=request, version=doctor.version)
