from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.doctor import Doctor, Weekday
from clinicflow_core.figures.clinic import ClinicFigures, VisitFigures, clinic_figures
from clinicflow_core.figures.minutes import DoctorTime
from tests.builders import DAY, doctor, span
from tests.core.figures.visits import CHEN, NOON, counted

SUNDAY, TUESDAY = DAY - timedelta(days=1), DAY + timedelta(days=1)


def figures(*visits: Any, first: date = DAY, last: date = DAY, **more: Any) -> Any:
    """Return the figures of Dr. Chen's visits."""
    defaults = {
        "worked": {},
        "doctors": [doctor(id=CHEN)],
        "timezone": "America/New_York",
        "now": NOON,
    }
    return clinic_figures(visits, first=first, last=last, **defaults | more)


def booked(groups: Any) -> list[int]:
    return [group.figures.visits.booked for group in groups]


def test_only_the_visits_of_these_days_count():
    found = figures(
        counted(on=SUNDAY), counted(), counted("10:00-10:30"), counted(on=TUESDAY)
    )

    assert found.total.visits.booked == 2


def test_every_day_is_there_whether_anybody_came_or_not():
    found = figures(counted(), last=TUESDAY)

    assert [(day.date, day.figures.visits.booked) for day in found.by_day] == [
        (DAY, 1),
        (TUESDAY, 0),
    ]


def test_weekdays_go_from_monday_to_sunday():
    found = figures(counted(on=SUNDAY), counted(), first=SUNDAY)

    assert [group.weekday for group in found.by_weekday] == list(Weekday)
    assert booked(found.by_weekday) == [1, 0, 0, 0, 0, 0, 1]


def test_hours_go_from_the_first_to_the_last_without_a_gap():
    found = figures(
        counted("10:45-11:15"),
        counted("08:00-08:30"),
        worked={CHEN: DoctorTime(offered=[span("09:00-12:00")])},
    )

    assert [group.hour for group in found.by_hour] == [8, 9, 10, 11]
    assert booked(found.by_hour) == [1, 0, 1, 0]
    assert [g.figures.utilisation.offered_minutes for g in found.by_hour] == [
        *(0, 60, 60, 60)
    ]


def test_without_work_and_visits_there_are_no_hours():
    found = figures(doctors=[])

    assert (found.by_hour, found.by_doctor) == ((), ())
    assert found.total.utilisation.share.rate is None


def test_doctors_are_told_by_name_those_without_visits_too():
    haddad = doctor("Dr. Omar Haddad", initials="OH", color="#336699")

    found = figures(counted(), doctors=[doctor(id=CHEN), haddad])

    assert [(d.name, d.figures.visits.booked) for d in found.by_doctor] == [
        ("Dr. Omar Haddad", 0),
        ("Dr. Sarah Chen", 1),
    ]
    assert (found.by_doctor[0].initials, found.by_doctor[0].color) == ("OH", "#336699")


def test_time_of_the_days_around_does_not_count():
    around = DoctorTime(
        offered=[span("22:00-02:00", SUNDAY), span("22:00-02:00")],
        held=[span("23:30-00:30", SUNDAY)],
    )

    found = figures(worked={CHEN: around})

    assert found.total.utilisation.offered_minutes == 4 * 60
    assert found.total.utilisation.booked_minutes == 30


def test_what_is_due_is_told_by_the_instant_of_counting():
    found = figures(counted(), counted("15:00-15:30"))

    assert found.total.due.due == 1
    assert found.now == NOON


def parts(found: ClinicFigures) -> list[list[VisitFigures]]:
    groups: list[Any] = [found.by_doctor, found.by_weekday, found.by_hour, found.by_day]
    return [[each.figures for each in group] for group in groups]


def test_each_way_to_group_the_visits_adds_up_to_all():
    other: Doctor = doctor("Dr. Omar Haddad")
    visits = [
        counted(f"{hour:02}:00-{hour:02}:30", on=on, doctor_id=doctor_id, status=status)
        for hour, status in zip(range(9, 14), Status, strict=True)
        for on in (SUNDAY, DAY, TUESDAY)
        for doctor_id in (CHEN, other.id)
    ]
    worked = {
        doctor_id: DoctorTime(
            offered=[span("08:30-12:15", on) for on in (SUNDAY, DAY, TUESDAY)],
            held=[span("11:00-13:10", on) for on in (DAY, TUESDAY)],
        )
        for doctor_id in (CHEN, other.id)
    }

    found = figures(
        *visits,
        first=SUNDAY,
        last=TUESDAY,
        worked=worked,
        doctors=[doctor(id=CHEN), other],
    )

    assert found.total.visits.booked == 30
    assert found.total.utilisation.outside_minutes == 4 * 55
    for group in parts(found):
        for count in (
            lambda f: f.visits.booked,
            lambda f: f.visits.cancelled,
            lambda f: f.due.due,
            lambda f: f.utilisation.offered_minutes,
            lambda f: f.utilisation.booked_minutes,
            lambda f: f.utilisation.outside_minutes,
        ):
            assert sum(map(count, group)) == count(found.total)
