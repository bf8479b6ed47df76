"""The demo's clinic and its people: who works there, and who comes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import BinaryIO, cast
from uuid import uuid4

from attrs import field, frozen

from clinicflow_cli.demo.opening import HOURS
from clinicflow_core.accounts.permissions import actor_of
from clinicflow_core.desk import accounts, doctors, policies, questionnaires, users
from clinicflow_core.desk import register as patients
from clinicflow_core.desk.imports import Refusal, import_doctors, import_patients
from clinicflow_core.desk.lists import every
from clinicflow_core.entities.clinic import Clinic, ClinicSize
from clinicflow_core.entities.doctor import WEEKDAYS, Doctor
from clinicflow_core.entities.ids import QuestionnaireId, SessionId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.entities.user import Role, User
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.interchange.lines import Form
from clinicflow_core.ports import PageRequest, Store, UnitOfWork

PASSWORD = "clinicflow-demo"  # noqa: S105  It is printed for everybody to use.
MARK = "demo"
"""The clinic's metadata has this key, so that a demo never replaces a real record."""

DOCTOR = "chen"
"""Which of the doctors has an account."""

_POLICY = SchedulingPolicy(
    default_durations={"new-patient": 45, "follow-up": 30},
    cancellation_cutoff=24 * 60,
    offer_minutes=24 * 60,
)


@frozen(kw_only=True)
class Account:
    """Somebody who can sign in; *role* is as the account has it."""

    name: str
    email: str
    role: Role
    password: str = field(default=PASSWORD, repr=False)


OWNER = Account(name="Dr. Dana Rivers", email="owner@demo.example", role=Role.OWNER)
RECEPTION = Account(
    name="Robin Castellanos", email="reception@demo.example", role=Role.ADMIN
)
CHEN = Account(name="Dr. Sarah Chen", email="chen@demo.example", role=Role.DOCTOR)


@frozen(kw_only=True)
class Staff:
    """
    The clinic, with a desk for each of its accounts.

    Attributes:
        doctors: By the last name in small letters, as in `HOURS`.
        patients: By full name.
        questionnaire_id: What patients are asked.
    """

    store: Store
    clinic: Clinic
    owner: UnitOfWork
    reception: UnitOfWork
    doctor: UnitOfWork
    doctors: Mapping[str, Doctor]
    patients: Mapping[str, Patient]
    questionnaire_id: QuestionnaireId

    def reader_of(self, doctor: str) -> UnitOfWork:
        """Return the desk at which a doctor's forms are read and signed."""
        return self.doctor if doctor == DOCTOR else self.owner


def found(store: Store, timezone: str) -> Staff:
    """Found the clinic: accounts, doctors with their hours, and patients."""
    signed_up = accounts.sign_up(
        accounts.SignUp(
            clinic=accounts.NewClinic(
                name="Harbour Street Clinic",
                timezone=timezone,
                clinic_type="primary-care",
                clinic_size=ClinicSize.FROM_2_TO_5,
                phone="+1 555 0100",
            ),
            owner=accounts.NewOwner(
                name=OWNER.name, email=OWNER.email, password=OWNER.password
            ),
        ),
        store.entrance(),
    )

    def desk_of(user: User) -> UnitOfWork:
        # The months of a story outlast any session: nobody signs in for each act.
        return store.unit_of_work(
            signed_up.clinic.id, actor_of(user, SessionId(uuid4()))
        )

    owner = desk_of(signed_up.user)
    metadata = {**signed_up.clinic.clinic_metadata, MARK: True}
    accounts.change_clinic(accounts.ChangeClinic(clinic_metadata=metadata), owner)
    policies.set_policy(_POLICY, owner)
    known = _doctors(owner)
    reception = desk_of(_opened(RECEPTION, owner))
    doctor = desk_of(_opened(CHEN, owner, known[DOCTOR]))
    return Staff(
        store=store,
        clinic=accounts.clinic(owner),
        owner=owner,
        reception=reception,
        doctor=doctor,
        doctors=known,
        patients=_patients(reception),
        questionnaire_id=_questionnaire(owner),
    )


def _opened(account: Account, owner: UnitOfWork, doctor: Doctor | None = None) -> User:
    request = users.AddUser(
        name=account.name,
        email=account.email,
        role=account.role,
        doctor_id=doctor.id if doctor else None,
        password=account.password,
    )
    return users.add(request, owner)


def _doctors(uow: UnitOfWork) -> Mapping[str, Doctor]:
    with shipped("doctors.csv") as stream:
        import_doctors(stream, Form.CSV, uow, refused=_impossible, progress=_ignored)
    by_name = {
        each.name.rsplit(" ", 1)[-1].lower(): each
        for each in doctors.page(PageRequest(), uow).items
    }
    for name, week in HOURS.items():
        stretches = tuple(
            doctors.Stretch(weekday=WEEKDAYS[weekday], start=start, end=end)
            for weekday, hours in week.items()
            for start, end in hours
        )
        doctors.set_hours(by_name[name].id, doctors.SetHours(hours=stretches), uow)
    return by_name


def _patients(uow: UnitOfWork) -> Mapping[str, Patient]:
    with shipped("patients.csv") as stream:
        import_patients(stream, Form.CSV, uow, refused=_impossible, progress=_ignored)
    registered = every(lambda part: patients.find("", part, uow))
    return {patient.full_name: patient for patient in registered}


def _questionnaire(uow: UnitOfWork) -> QuestionnaireId:
    asked = questionnaires.page(PageRequest(), uow).items
    name = standard_definition().name
    return next(each.id for each in asked if each.definition.name == name)


def shipped(name: str) -> BinaryIO:
    """Open a file that comes with the demo."""
    return cast("BinaryIO", files(__package__).joinpath(name).open("rb"))


def _impossible(refusal: Refusal) -> None:
    raise AssertionError(f"line {refusal.line} of our own file: {refusal.detail}")


def _ignored(_: int) -> None:
    """Our own files are read before anybody could see how far they are."""
