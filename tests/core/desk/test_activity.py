from __future__ import annotations

import re
from pathlib import Path

import pytest

from clinicflow_core import desk as desk_package
from clinicflow_core.desk import activity, booking
from clinicflow_core.desk.activity import OF_ACCOUNTS, OF_THE_DESK
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotPermittedError
from clinicflow_core.ports import PageRequest, UnitOfWork
from tests.builders import OpenClinic
from tests.core.desk.acts import ILL, without_a_diary


def kinds(uow: UnitOfWork) -> list[str]:
    found = activity.page(PageRequest(limit=200), uow)
    return [each.kind for each in found.items]


def happen(clinic: OpenClinic, *names: str) -> None:
    for name in names:
        clinic.commit(lambda uow, name=name: uow.record(name, clinic.patient))


def test_what_happened_is_told_newest_first_without_the_reason(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    cancelled, booked = activity.page(PageRequest(), clinic.uow).items

    assert [each.kind for each in (booked, cancelled)] == [
        "appointment.booked",
        "appointment.cancelled",
    ]
    assert cancelled.record_id == visit.id
    assert cancelled.user_id == clinic.owner.id
    assert cancelled.facts["cancellation_type"] == "patient-cancelled"
    assert ILL.reason_note not in str(cancelled)


def test_what_happened_to_accounts_is_told_to_owners_alone(clinic):
    happen(clinic, "user.signed-in", "appointment.booked", "patient.read")

    assert kinds(clinic.uow) == ["appointment.booked", "user.signed-in"]
    assert kinds(clinic.by(Role.ADMIN)) == ["appointment.booked"]


def test_a_doctor_is_told_what_happened_to_visits_with_them(clinic):
    other = clinic.add_doctor()
    visit = booking.book(clinic.request(), clinic.uow)
    booking.book(
        clinic.request(doctor_id=other.id, patient_id=clinic.patients[1].id),
        clinic.uow,
    )
    clinic.commit(lambda uow: uow.record("patient.changed", clinic.patient))

    found = activity.page(PageRequest(), clinic.by(Role.DOCTOR)).items

    assert [(each.kind, each.record_id) for each in found] == [
        ("appointment.booked", visit.id)
    ]


def test_what_happened_goes_on_where_a_page_ended(clinic):
    happen(clinic, "patient.registered", "patient.changed", "patient.merged")

    first = activity.page(PageRequest(limit=2), clinic.uow)
    second = activity.page(PageRequest(first.next, limit=2), clinic.uow)

    told = [each.kind for page in (first, second) for each in page.items]
    assert told == ["patient.merged", "patient.changed", "patient.registered"]
    assert second.next is None


def test_whoever_sees_no_diary_is_told_of_nothing_that_happened(clinic):
    with pytest.raises(NotPermittedError):
        activity.page(PageRequest(), without_a_diary(clinic))


LEFT_TO_THE_TRAIL = {
    # Whoever imports or reads a thousand records would drown all else,
    "appointment.imported",
    "doctor.imported",
    "intake.read",
    "patient.exported",
    "patient.imported",
    "patient.read",
    "summary.read",
    # and so would what is only a step on the way.
    "intake.draft-opened",
    "intake.draft-refused",
    "intake.draft-saved",
    "patient.merged-into",
    "questionnaire.found",
    "summary.asked-for",
}


def test_whoever_records_a_new_kind_decides_who_is_told():
    """Fails for a kind that is in none of the three sets, or that nobody records."""
    records = "appointment|clinic|doctor|intake|patient|questionnaire|series"
    records += "|summary|user|waitlist"
    said = re.compile(rf'"((?:{records})\.[a-z-]+)"')
    [folder] = map(Path, desk_package.__path__)
    recorded = {
        kind
        for module in folder.glob("*.py")
        if module.name != "activity.py"
        for kind in said.findall(module.read_text())
    }

    assert recorded == OF_THE_DESK | OF_ACCOUNTS | LEFT_TO_THE_TRAIL
