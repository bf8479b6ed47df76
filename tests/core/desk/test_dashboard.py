from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from clinicflow_core import desk as desk_package
from clinicflow_core.desk import booking, dashboard, schedule
from clinicflow_core.desk.dashboard import (
    MOST_NEXT,
    OF_ACCOUNTS,
    OF_THE_DESK,
    FiguresRequest,
    TodaysVisit,
)
from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import HolidayRegion, SchedulingPolicy
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import DoctorNotFoundError, InvalidError, NotPermittedError
from clinicflow_core.figures.clinic import ClinicFigures
from clinicflow_core.figures.rates import Rate, Share
from clinicflow_core.ports import PageRequest, UnitOfWork
from tests.builders import (
    DAY,
    OpenClinic,
    day_hours,
    digest,
    hours,
    open_clinic,
    overbooked,
    said,
    session,
    time_off,
    user,
)
from tests.core.desk.acts import ILL, at, utc

DAYS = timedelta(days=1)
TEN = at("2026-03-02 10:00")


def figures(
    clinic: OpenClinic, first: date | None = DAY, last: date | None = DAY, **more: Any
) -> ClinicFigures:
    """Return the figures of some days, by default of `DAY`."""
    return dashboard.figures(FiguresRequest(from_=first, to=last, **more), clinic.uow)


def wrong(error: InvalidError) -> list[str]:
    return [problem.pointer for problem in error.problems]


# Which days, and whose


def test_without_days_the_last_four_weeks_are_counted(clinic, watch):
    watch.at = TEN

    found = figures(clinic, None, None)

    assert (found.from_, found.to) == (date(2026, 2, 3), DAY)
    assert (found.now, found.timezone) == (TEN, "America/New_York")
    assert len(found.by_day) == 28


def test_a_first_day_to_come_is_counted_alone(clinic):
    found = figures(clinic, DAY + 7 * DAYS, None)

    assert (found.from_, found.to) == (DAY + 7 * DAYS, DAY + 7 * DAYS)


def test_at_the_beginning_of_the_calendar_there_are_no_days_before(clinic):
    found = figures(clinic, None, date(1900, 1, 3))

    assert len(found.by_day) == 3


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(DAY, DAY - DAYS, id="the last before the first"),
        pytest.param(DAY, DAY + 366 * DAYS, id="more than a year"),
    ],
)
def test_days_that_nobody_can_count_are_refused(clinic, first, last):
    with pytest.raises(InvalidError) as refused:
        figures(clinic, first, last)

    assert wrong(refused.value) == ["/to"]


def test_a_whole_year_can_be_counted(clinic):
    assert len(figures(clinic, DAY, DAY + 365 * DAYS).by_day) == 366


def test_more_visits_than_can_be_counted_are_refused(clinic, monkeypatch):
    clinic.store_visit("09:00-09:30")
    clinic.store_visit("10:00-10:30")
    assert figures(clinic).total.visits.booked == 2
    monkeypatch.setattr(dashboard, "MOST_COUNTED", 1)

    with pytest.raises(InvalidError) as refused:
        figures(clinic)

    assert wrong(refused.value) == ["/to"]


def test_a_doctor_counts_their_own_visits_alone(clinic):
    other = clinic.add_doctor()
    clinic.store_visit()
    clinic.store_visit(doctor_id=other.id, patient_id=clinic.patients[1].id)
    by_doctor = clinic.by(Role.DOCTOR)

    found = dashboard.figures(FiguresRequest(from_=DAY, to=DAY), by_doctor)

    assert found.total.visits.booked == 1
    assert found.doctor_id == clinic.doctor.id
    assert [each.doctor_id for each in found.by_doctor] == [clinic.doctor.id]
    with pytest.raises(NotPermittedError):
        dashboard.figures(FiguresRequest(doctor_id=other.id), by_doctor)


def test_a_doctor_who_is_not_there_has_no_figures(clinic):
    with pytest.raises(DoctorNotFoundError):
        figures(clinic, doctor_id=DoctorId(uuid4()))


def stranger(clinic: OpenClinic) -> UnitOfWork:
    """Return a unit of work by a doctor without a diary."""
    somebody = user(clinic.id, role=Role.DOCTOR)
    signed_in = session(somebody)
    with clinic.store.entrance() as entrance:
        entrance.add_user(somebody)
        entrance.add_session(signed_in)
        entrance.commit()
    return clinic.store.unit_of_work(clinic.id, signed_in.id)


@pytest.mark.parametrize(
    "act",
    [
        lambda uow: dashboard.figures(FiguresRequest(), uow),
        dashboard.today,
        lambda uow: dashboard.activity(PageRequest(), uow),
    ],
    ids=["figures", "today", "activity"],
)
def test_whoever_sees_no_diary_is_told_nothing(clinic, act):
    with pytest.raises(NotPermittedError):
        act(stranger(clinic))


# What was offered


def offered(found: ClinicFigures) -> int:
    return found.total.utilisation.offered_minutes


def test_working_hours_are_offered(clinic):
    assert offered(figures(clinic)) == 8 * 60


def test_the_hours_of_the_date_are_offered_instead(clinic):
    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(
            clinic.doctor.id, DAY, day_hours("10:00-11:00", "14:00-15:30")
        )
    )

    assert offered(figures(clinic)) == 150


def test_time_off_is_not_offered_and_counts_once(clinic):
    for starts, ends in (("08:00", "10:00"), ("09:30", "11:00")):
        off = time_off(clinic.doctor.id, f"2026-03-02 {starts}", f"2026-03-02 {ends}")
        clinic.commit(lambda uow, off=off: uow.doctors.add_time_off(off))

    assert offered(figures(clinic)) == 6 * 60


def with_policy(clinic: OpenClinic, **policy: Any) -> None:
    changed: Clinic = clinic.clinic.changed(
        {"policy": SchedulingPolicy(**policy)}, clinic.clinic.updated_at
    )
    clinic.commit(lambda uow: uow.change_clinic(changed))


def test_a_closed_day_is_not_offered(clinic):
    with_policy(clinic, closed_days=(DAY,))

    assert offered(figures(clinic)) == 0


def test_a_public_holiday_is_offered_by_whoever_has_hours_for_it(clinic):
    new_year = date(2027, 1, 1)
    with_policy(clinic, public_holidays=HolidayRegion(country="US"))
    other = clinic.add_doctor()
    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(
            other.id, new_year, day_hours("10:00-11:00")
        )
    )

    assert offered(figures(clinic, new_year, new_year)) == 60


def test_night_work_belongs_to_the_days_that_clocks_show(memory):
    clinic = open_clinic(memory, week=hours("22:00-06:00"))
    clinic.store_visit("23:30-00:30")

    first, second = figures(clinic, DAY, DAY + DAYS).by_day

    for each in (first, second):
        assert each.figures.utilisation.offered_minutes == 8 * 60
        assert each.figures.utilisation.booked_minutes == 30
    assert (first.figures.visits.booked, second.figures.visits.booked) == (1, 0)
    alone = figures(clinic, DAY + DAYS, DAY + DAYS)
    assert alone.total == second.figures


def test_all_standing_visits_take_time_and_two_at_once_take_it_once(clinic):
    clinic.store_visit("09:00-10:00")
    clinic.store_visit("09:30-10:30", override=overbooked(who="doctor patient"))
    clinic.store_visit("11:00-11:30", status=Status.COMPLETED)
    clinic.store_visit("16:45-17:15", status=Status.UNCONFIRMED)
    for status in (Status.CANCELLED, Status.NO_SHOW):
        clinic.store_visit("13:00-15:00", status=status)

    found = figures(clinic).total.utilisation

    assert found.share == Share(90 + 30 + 15, 8 * 60)
    assert found.outside_minutes == 15


def test_a_doctor_without_hours_has_no_share(clinic):
    resting = clinic.add_doctor(week=())
    clinic.store_visit(doctor_id=resting.id)

    of_resting, _ = figures(clinic).by_doctor

    assert of_resting.figures.utilisation.share.rate is None
    assert of_resting.figures.utilisation.outside_minutes == 30


# From the acts to the figures


def test_what_was_done_at_the_desk_is_what_the_figures_tell(clinic, watch):
    with_policy(clinic, cancellation_cutoff=24 * 60)
    watch.at = at("2026-02-28 12:00")
    first, second, third = (
        booking.book(clinic.request(times), clinic.uow)
        for times in ("09:00-09:30", "10:00-10:30", "11:00-11:30")
    )
    watch.at = at("2026-03-02 08:55")
    booking.arrive(first.id, clinic.uow)
    booking.cancel(second.id, ILL, clinic.uow)
    watch.at = at("2026-03-02 09:40")
    booking.complete(first.id, clinic.uow)
    watch.at = at("2026-03-02 11:40")
    booking.no_show(third.id, clinic.uow)

    total = figures(clinic).total

    assert total.visits.booked == 3
    assert total.due.no_shows == Rate(1, 2)
    assert total.cancellations.late_of_cancelled == Rate(1, 1)
    assert total.arrivals.on_time == Rate(1, 1)
    assert total.arrivals.late_minutes.median == -5
    assert total.arrivals.stay_minutes.median == 45
    assert total.lead.minutes.median == 46 * 60
    assert total.intake.completion == Rate(0, 2)
    assert total.utilisation.share == Share(30, 8 * 60)


# Today


def test_a_day_without_visits_is_told_all_the_same(clinic, watch):
    watch.at = TEN

    found = dashboard.today(clinic.uow)

    assert (found.date, found.now) == (DAY, TEN)
    assert found.figures.visits.booked == 0
    [doctor] = found.doctors
    assert (doctor.name, doctor.next_at) == (clinic.doctor.name, None)
    assert doctor.figures.utilisation.offered_minutes == 8 * 60
    for shown in (found.waiting, found.next, found.open, found.to_sign):
        assert shown == ()


def test_today_is_the_clinics_day(clinic, watch):
    watch.at = utc("2026-03-03 04:59")
    assert dashboard.today(clinic.uow).date == DAY

    watch.at = utc("2026-03-03 05:00")
    assert dashboard.today(clinic.uow).date == DAY + DAYS


def ids(visits: tuple[TodaysVisit, ...]) -> list[Any]:
    return [visit.id for visit in visits]


def test_whoever_came_waits_until_the_visit_is_completed(clinic, watch):
    watch.at = TEN
    came = {"arrived": True, "arrived_at": at("2026-03-02 09:40")}
    second = clinic.store_visit("10:15-10:30", **came)
    first = clinic.store_visit(
        "11:00-11:30", arrived=True, arrived_at=at("2026-03-02 09:29")
    )
    clinic.store_visit("09:00-09:30", status=Status.COMPLETED, **came)
    clinic.store_visit("09:30-10:00", status=Status.CANCELLED, **came)

    found = dashboard.today(clinic.uow)

    assert ids(found.waiting) == [first.id, second.id]
    assert [visit.waited_minutes for visit in found.waiting] == [31, 20]
    assert found.waiting[0].patient_name == clinic.patient.full_name
    assert found.waiting[0].doctor_name == clinic.doctor.name
    assert found.doctors[0].waiting == 2
    assert (found.next, found.to_come_count) == ((), 0)


def test_next_is_who_is_not_there_yet_the_late_ones_first(clinic, watch):
    watch.at = TEN
    other = clinic.add_doctor()
    clinic.store_visit("09:00-10:00")
    to_come = clinic.store_visit("11:00-11:30", status=Status.UNCONFIRMED)
    late = clinic.store_visit(
        "09:45-10:15", doctor_id=other.id, patient_id=clinic.patients[1].id
    )
    clinic.store_visit("12:00-12:30", status=Status.CANCELLED)
    clinic.store_visit("09:00-09:30", on=DAY + DAYS)

    found = dashboard.today(clinic.uow)

    assert ids(found.next) == [late.id, to_come.id]
    assert found.to_come_count == 2
    assert [visit.waited_minutes for visit in found.next] == [None, None]
    assert {d.doctor_id: (d.to_come, d.next_at) for d in found.doctors} == {
        clinic.doctor.id: (1, to_come.starts_at),
        other.id: (1, late.starts_at),
    }


def test_of_a_long_day_the_next_ones_are_shown_and_all_are_counted(clinic, watch):
    watch.at = TEN
    for minute in range(0, 60, 5):
        clinic.store_visit(f"11:{minute:02}-11:{minute + 3:02}")

    found = dashboard.today(clinic.uow)

    assert len(found.next) == MOST_NEXT
    assert found.to_come_count == 12


def test_a_visit_that_began_yesterday_and_goes_on_is_there(memory, watch):
    clinic = open_clinic(memory)
    watch.at = at("2026-03-03 00:10")
    going_on = clinic.store_visit("23:30-00:30")
    clinic.store_visit("22:00-23:00")

    found = dashboard.today(clinic.uow)

    assert ids(found.next) == [going_on.id]
    assert found.figures.visits.booked == 0


def test_forms_that_are_not_completed_are_named_before_the_visit_is_over(clinic, watch):
    watch.at = TEN
    sent = clinic.store_visit("10:30-10:45", intake_status=IntakeStatus.SENT)
    missing = clinic.store_visit("11:00-11:30")
    clinic.store_visit("12:00-12:30", intake_status=IntakeStatus.COMPLETED)
    clinic.store_visit("09:00-09:30")
    clinic.store_visit("13:00-13:30", status=Status.CANCELLED)

    assert ids(dashboard.today(clinic.uow).intake_missing) == [sent.id, missing.id]


def test_summaries_to_sign_are_todays_and_those_of_a_year_are_counted(clinic, watch):
    watch.at = TEN
    visits = [clinic.store_visit(on=DAY + n * DAYS) for n in (-400, -1, 0, 1)]
    for visit in visits:
        form = clinic.store_form(appointment_id=visit.id)
        clinic.store_summary(form, status=SummaryStatus.GENERATED)

    found = dashboard.today(clinic.uow)

    assert ids(found.to_sign) == [visits[2].id]
    assert found.to_sign_count == 3


def test_visits_to_come_tell_of_a_red_flag(clinic, watch):
    watch.at = TEN
    flag = digest(red_flags=(said("Chest pain"),))
    for status in (Status.CONFIRMED, Status.COMPLETED):
        visit = clinic.store_visit(
            "11:00-11:30" if status is Status.CONFIRMED else "09:00-09:30",
            status=status,
        )
        form = clinic.store_form(appointment_id=visit.id)
        clinic.store_summary(form, status=SummaryStatus.GENERATED, digest=flag)
    clinic.store_visit("12:00-12:30")

    found = dashboard.today(clinic.uow)

    assert [visit.flagged for visit in found.to_sign] == [False, True]
    assert [visit.flagged for visit in found.next] == [True, False]
    [chen] = schedule.day(DAY, [], clinic.uow).doctors
    assert [visit.flagged for visit in chen.visits] == [False, True, False]
    details = schedule.visit(found.next[0].id, clinic.uow)
    assert details.form is not None
    assert details.form.flagged


def test_visits_that_are_over_stay_open_until_they_are_settled(clinic, watch):
    watch.at = TEN
    yesterday = clinic.store_visit(on=DAY - DAYS)
    today = clinic.store_visit("09:00-09:30")
    clinic.store_visit("09:45-10:15")

    found = dashboard.today(clinic.uow)

    assert ids(found.open) == [today.id, yesterday.id]
    assert found.open_count == 2
    assert found.open[1].date == DAY - DAYS


def test_a_doctor_is_told_of_their_own_day(clinic, watch):
    watch.at = TEN
    other = clinic.add_doctor()
    for on in (DAY - DAYS, DAY):
        clinic.store_visit(
            "11:00-11:30",
            on,
            doctor_id=other.id,
            patient_id=clinic.patients[1].id,
        )
    own = clinic.store_visit("12:00-12:30")

    found = dashboard.today(clinic.by(Role.DOCTOR))

    assert ids(found.next) == [own.id]
    assert [doctor.doctor_id for doctor in found.doctors] == [clinic.doctor.id]
    assert found.open_count == 0


# What happened last


def kinds(uow: UnitOfWork) -> list[str]:
    found = dashboard.activity(PageRequest(limit=200), uow)
    return [each.kind for each in found.items]


def happen(clinic: OpenClinic, *names: str) -> None:
    for name in names:
        clinic.commit(lambda uow, name=name: uow.record(name, clinic.patient))


def test_what_happened_is_told_newest_first_without_the_reason(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    cancelled, booked = dashboard.activity(PageRequest(), clinic.uow).items

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

    found = dashboard.activity(PageRequest(), clinic.by(Role.DOCTOR)).items

    assert [(each.kind, each.record_id) for each in found] == [
        ("appointment.booked", visit.id)
    ]


def test_what_happened_goes_on_where_a_page_ended(clinic):
    happen(clinic, "patient.registered", "patient.changed", "patient.merged")

    first = dashboard.activity(PageRequest(limit=2), clinic.uow)
    second = dashboard.activity(PageRequest(first.next, limit=2), clinic.uow)

    told = [each.kind for page in (first, second) for each in page.items]
    assert told == ["patient.merged", "patient.changed", "patient.registered"]
    assert second.next is None


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
        if module.name != "dashboard.py"
        for kind in said.findall(module.read_text())
    }

    assert recorded == OF_THE_DESK | OF_ACCOUNTS | LEFT_TO_THE_TRAIL
