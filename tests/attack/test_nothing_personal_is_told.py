from __future__ import annotations

from datetime import datetime, time

import pytest

from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import calendars, schedule, series, waitlist
from clinicflow_core.desk.booking import OverrideRequest
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import PageRequest
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.wire import LocalDateTime
from tests.builders import DAY, NOW, OpenClinic, open_clinic

SECRET = "a secret"


@pytest.fixture
def opened() -> OpenClinic:
    return open_clinic(MemoryStore(FixedClock(NOW)))


@pytest.mark.parametrize(
    "url", ["postgresql://admin:hunter2", "postgresql://u:p@host:hunter2/x"]
)
def test_a_password_in_the_wrong_place_of_a_url_is_not_told(url):
    with pytest.raises(ValueError, match=r"\Ais no database URL\Z"):
        make_engine(url)


@pytest.mark.parametrize("shown", [schedule.day, schedule.week])
def test_a_day_in_a_traceback_names_no_patient(opened, shown):
    opened.store_visit()

    told = repr(shown(DAY, [], opened.uow))

    assert str(opened.patient.id) in told
    assert opened.patient.last_name not in told


def test_what_somebody_wrote_stands_in_no_traceback(opened):
    uow, doctor_id, patient_id = opened.uow, opened.doctor.id, opened.patient.id
    every_day = series.BookSeries(
        doctor_id=doctor_id,
        patient_id=patient_id,
        date=DAY,
        start_time=time(9),
        rrule="FREQ=DAILY;COUNT=2",
        meeting_link=SECRET,
        override=OverrideRequest(reason=SECRET),
    )
    off = calendars.TakeTimeOff(
        starts=LocalDateTime(datetime(2026, 3, 2)),
        ends=LocalDateTime(datetime(2026, 3, 3)),
        reason=SECRET,
    )
    wish = waitlist.JoinWaitlist(
        patient_id=patient_id, first_date=DAY, last_date=DAY, note=SECRET
    )

    booked = series.book(every_day, uow)
    why = series.CancelSeries(from_=DAY, reason_note=SECRET)
    told = [
        *(every_day, off, wish, why, booked),
        calendars.take_time_off(doctor_id, off, uow),
        waitlist.join(wish, uow),
        calendars.time_off(doctor_id, uow),
        waitlist.page(None, PageRequest(), uow),
        schedule.stranded(PageRequest(), uow),
        series.cancel(booked.id, why, uow),
    ]

    assert booked.appointments[0].meeting_link == SECRET
    assert [each for each in told if SECRET in repr(each)] == []
