"""Scheduling policies: what the clinic, or one doctor, asks of the diary."""

from __future__ import annotations

from attrs import evolve, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import DoctorPolicy, SchedulingPolicy
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
