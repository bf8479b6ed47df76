"""
Records for the tests: name only what the test is about.

All that is fixed hangs together: `DAY` is a Monday, `NOW` the noon before it, and
the clinic is in New York.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from attrs import define, frozen

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.entities.appointment import (
    Appointment,
    Cancellation,
    CancellationType,
    Override,
    fields_of,
)
from clinicflow_core.entities.calendar import DayStretch, TimeOff
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.doctor import WEEKDAYS, Doctor, Weekday, WorkingHours
from clinicflow_core.entities.ids import (
    AppointmentId,
    CancellationId,
    ClinicId,
    DoctorId,
    FormId,
    PatientId,
    QuestionnaireId,
    SeriesId,
    SessionId,
    SummaryId,
    TimeOffId,
    UserId,
    WaitlistId,
)
from clinicflow_core.entities.intake import IntakeForm, IntakeLink
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.questionnaire import (
    Definition,
    Kind,
    Question,
    Questionnaire,
)
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.summary import Digest, Source, Summary, SummaryItem
from clinicflow_core.entities.user import Role, Session, User
from clinicflow_core.entities.waitlist import Offer, WaitlistEntry
from clinicflow_core.ports import Once, Store, UnitOfWork
from clinicflow_core.timespan import TimeSpan, VisitTime, instant_of, visit_time
from clinicflow_core.wire import LocalDateTime

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
OPEN_ALL_WEEK = tuple(WorkingHours(weekday, time(), time()) for weekday in WEEKDAYS)
PASSWORD = "correct horse battery"
PASSWORD_HASH = "$2b$04$Mh2W.X9sWmXkM5TQ/jGOcOyeGshd5CSvq8xdglNOtfb3rTx/tOIda"
"""`PASSWORD` at bcrypt's lowest cost."""


@define
class Watch:
    """A clock that a test sets by hand."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def clock(text: str) -> time:
    """Return the wall-clock time "09:30"."""
    return time.fromisoformat(text)


def visit_at(times: str, on: date = DAY, zone: ZoneInfo = ZONE) -> VisitTime:
    """Return the time of a visit "09:00-09:30"; "23:30-00:30" runs past midnight."""
    start, end = map(clock, times.split("-"))
    end_day = on if end > start else on + timedelta(days=1)
    first = instant_of(datetime.combine(on, start), zone)
    last = instant_of(datetime.combine(end_day, end), zone)
    assert first is not None
    assert last is not None
    found = visit_time(on, start, int((last - first).total_seconds() // 60), zone)
    assert found is not None
    return found


def span(times: str, on: date = DAY, zone: ZoneInfo = ZONE) -> TimeSpan:
    """Return the instants of "09:00-09:30"."""
    return visit_at(times, on, zone).span


def hours(times: str, *weekdays: Weekday) -> tuple[WorkingHours, ...]:
    """Return the weekly hours "09:00-17:00" on *weekdays*, by default on all."""
    start, end = map(clock, times.split("-"))
    return tuple(WorkingHours(day, start, end) for day in weekdays or WEEKDAYS)


def clinic(name: str = "Hill Road Clinic", **fields: Any) -> Clinic:
    defaults = {"id": ClinicId(uuid4()), "created_at": NOW, "updated_at": NOW}
    return Clinic(name=name, **defaults | fields)


def user(clinic_id: ClinicId, email: str | None = None, **fields: Any) -> User:
    """Return an owner, who signs in with `PASSWORD`; the e-mail is new by default."""
    key = UserId(uuid4())
    defaults = {
        "id": key,
        "clinic_id": clinic_id,
        "email": email or f"{key}@example.org",
        "password_hash": PASSWORD_HASH,
        "name": "Olive Owner",
        "role": Role.OWNER,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return User(**defaults | fields)


def session(of: User, **fields: Any) -> Session:
    """Return a session that lasts to the year 2100."""
    defaults = {
        "id": SessionId(uuid4()),
        "clinic_id": of.clinic_id,
        "user_id": of.id,
        "refresh_id": uuid4(),
        "created_at": NOW,
        "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
    }
    return Session(**defaults | fields)


def doctor(name: str = "Dr. Sarah Chen", **fields: Any) -> Doctor:
    return Doctor(name=name, **{"id": DoctorId(uuid4()), "created_at": NOW} | fields)


def patient(name: str = "Ann Lee", **fields: Any) -> Patient:
    """Return a patient; the last word of *name* is the last name."""
    first, _, last = name.rpartition(" ")
    defaults = {
        "id": PatientId(uuid4()),
        "first_name": first,
        "last_name": last,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Patient(**defaults | fields)


def appointment(
    times: str = "09:00-09:30",
    *,
    on: date = DAY,
    zone: ZoneInfo = ZONE,
    **fields: Any,
) -> Appointment:
    """Return a visit at the local time *times*, of strangers by default."""
    defaults = {
        "id": AppointmentId(uuid4()),
        "doctor_id": DoctorId(uuid4()),
        "patient_id": PatientId(uuid4()),
        "created_at": NOW,
        "updated_at": NOW,
        **fields_of(visit_at(times, on, zone)),
    }
    return Appointment(**defaults | fields)


def overbooked(by_id: UserId | None = None, *, who: str = "doctor") -> Override:
    """
    Return the decision to put a visit beside another one.

    Args:
        who: Whose time they share: "doctor", "patient", or "doctor patient".
    """
    conflicts = tuple(f"{person}-busy" for person in who.split())
    return Override(reason="an emergency", conflicts=conflicts, by_id=by_id)


def local(text: str) -> LocalDateTime:
    """Return the wall clock "2026-03-02 09:00"."""
    return LocalDateTime(datetime.fromisoformat(text))


def day_hours(*stretches: str) -> tuple[DayStretch, ...]:
    """Return the hours of one day, as "09:00-12:00"."""
    return tuple(DayStretch(*map(clock, each.split("-"))) for each in stretches)


def time_off(
    doctor_id: DoctorId,
    starts: str = "2026-03-02 09:00",
    ends: str = "2026-03-02 17:00",
    **fields: Any,
) -> TimeOff:
    """Return time off by the clinic's wall clock."""
    defaults = {"id": TimeOffId(uuid4()), "created_at": NOW}
    return TimeOff(
        doctor_id=doctor_id, starts=local(starts), ends=local(ends), **defaults | fields
    )


def cancellation(of: Appointment, **fields: Any) -> Cancellation:
    defaults = {
        "id": CancellationId(uuid4()),
        "appointment_id": of.id,
        "patient_id": of.patient_id,
        "cancellation_type": CancellationType.PATIENT_CANCELLED,
        "created_at": NOW,
    }
    return Cancellation(**defaults | fields)


def offer(visit: Appointment, to: WaitlistEntry, **fields: Any) -> Offer:
    """Return the offer that holds the time of *visit* for an entry, for an hour."""
    defaults = {
        "id": visit.id,
        "waitlist_id": to.id,
        "doctor_id": visit.doctor_id,
        "date": visit.date,
        "start_time": visit.start_time,
        "end_time": visit.end_time,
        "duration": visit.duration,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "expires_at": NOW + timedelta(hours=1),
        "created_at": NOW,
    }
    return Offer(**defaults | fields)


def questionnaire(
    name: str = "intake", *questions: Question, **fields: Any
) -> Questionnaire:
    """Return a questionnaire with one question, unless others are given."""
    reason = Question(link_id="reason", kind=Kind.TEXT, text="What brings you here?")
    definition = Definition(name=name, title="Intake", items=questions or (reason,))
    defaults = {
        "id": QuestionnaireId(uuid4()),
        "definition": definition,
        "created_at": NOW,
    }
    return Questionnaire(**defaults | fields)


def intake_form(patient_id: PatientId, **fields: Any) -> IntakeForm:
    """Return a form without questionnaire, for no visit, to be filled in."""
    defaults = {"id": FormId(uuid4()), "created_at": NOW, "updated_at": NOW}
    return IntakeForm(patient_id=patient_id, **defaults | fields)


def intake_link(to: IntakeForm, **fields: Any) -> IntakeLink:
    """Return a link that works for two weeks."""
    defaults = {
        "token_hash": uuid4().hex * 2,
        "form_id": to.id,
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=14),
    }
    return IntakeLink(**defaults | fields)


def said(text: str, answer: str = "/question1") -> SummaryItem:
    """Return what the patient said word for word, in one answer."""
    return SummaryItem(text=text, sources=(Source(answer, text),))


def summary(of: IntakeForm, **fields: Any) -> Summary:
    """Return the summary of a form that nobody has made yet."""
    defaults = {
        "id": SummaryId(uuid4()),
        "patient_id": of.patient_id,
        "appointment_id": of.appointment_id,
        "intake_form_id": of.id,
        "model_version": "extractive-1",
        "generated_at": NOW,
    }
    return Summary(**defaults | fields)


def digest(*concerns: str, **fields: Any) -> Digest:
    """Return what a form comes to; by default that the head aches."""
    named = concerns or ("Headache",)
    defaults = {
        "summary": (said(f"{', '.join(named)}."),),
        "patient_concerns": tuple(map(said, named)),
    }
    return Digest(**defaults | fields)


def once(
    key: str = "key-1", fingerprint: str = "request-1", answer: object = None
) -> Once:
    """Return a request to carry out once; its answer is *answer* or the record's id."""
    return Once(
        key=key,
        fingerprint=fingerprint,
        render=lambda record: answer or {"id": str(record.id)},
    )


@frozen(kw_only=True)
class OpenClinic:
    """
    A clinic that is ready to book in.

    Attributes:
        owner: Signed in with `session`.
        uow: By the owner; one block at a time. `unit_of_work` makes more of them.
        doctor: Works around the clock, unless other hours were asked for.
        patient: The first of `patients`.
    """

    store: Store
    clinic: Clinic
    owner: User
    session: Session
    doctor: Doctor
    patients: tuple[Patient, ...]
    uow: UnitOfWork

    @property
    def id(self) -> ClinicId:
        return self.clinic.id

    @property
    def zone(self) -> ZoneInfo:
        return self.clinic.zone

    @property
    def patient(self) -> Patient:
        return self.patients[0]

    def unit_of_work(self, once: Once | None = None) -> UnitOfWork:
        """Return one more unit of work, by the owner."""
        return self.store.unit_of_work(self.id, self.session.id, once)

    def system(self, name: str = "system", once: Once | None = None) -> UnitOfWork:
        """Return one more unit of work, by the program *name*."""
        return self.store.unit_of_work(self.id, system(name), once)

    def by(self, role: Role) -> UnitOfWork:
        """Return a unit of work by somebody else, who has *role*; a doctor is ours."""
        own = self.doctor.id if role is Role.DOCTOR else None
        somebody = user(self.id, role=role, doctor_id=own, name=f"Some {role.value}")
        signed_in = session(somebody)
        with self.store.entrance() as entrance:
            entrance.add_user(somebody)
            entrance.add_session(signed_in)
            entrance.commit()
        return self.store.unit_of_work(self.id, signed_in.id)

    def visit(
        self, times: str = "09:00-09:30", on: date = DAY, **fields: Any
    ) -> Appointment:
        """Return a visit of the first patient with the doctor; it is not stored yet."""
        return appointment(
            times,
            on=on,
            zone=self.zone,
            **{"doctor_id": self.doctor.id, "patient_id": self.patient.id, **fields},
        )

    def series(self, **fields: Any) -> Series:
        """Return a series of the first patient with the doctor, not stored yet."""
        defaults = {
            "id": SeriesId(uuid4()),
            "doctor_id": self.doctor.id,
            "patient_id": self.patient.id,
            "rrule": "FREQ=WEEKLY;COUNT=4",
            "date": DAY,
            "start_time": time(9),
            "duration": 30,
            "created_at": NOW,
        }
        return Series(**defaults | fields)

    def entry(self, **fields: Any) -> WaitlistEntry:
        """Return the first patient on the waitlist for four weeks, not stored yet."""
        defaults = {
            "id": WaitlistId(uuid4()),
            "patient_id": self.patient.id,
            "first_date": DAY,
            "last_date": DAY + timedelta(days=28),
            "created_at": NOW,
            "updated_at": NOW,
        }
        return WaitlistEntry(**defaults | fields)

    def form(self, **fields: Any) -> IntakeForm:
        """Return a form of the first patient, for no visit, not stored yet."""
        return intake_form(**{"patient_id": self.patient.id, **fields})

    def request(
        self, times: str = "09:00-09:30", on: date = DAY, **fields: Any
    ) -> BookAppointment:
        """Return the request for such a visit."""
        wanted = visit_at(times, on, self.zone)
        return BookAppointment(
            **{
                "doctor_id": self.doctor.id,
                "patient_id": self.patient.id,
                "date": wanted.date,
                "start_time": wanted.start_time,
                "duration": wanted.duration,
                **fields,
            }
        )

    def commit(self, *writes: Callable[[UnitOfWork], object]) -> None:
        """Carry out *writes*, all or none."""
        with self.unit_of_work() as uow:
            for write in writes:
                write(uow)
            uow.commit()

    def add_doctor(
        self,
        name: str = "Dr. Omar Haddad",
        week: Iterable[WorkingHours] = OPEN_ALL_WEEK,
    ) -> Doctor:
        """Store one more doctor."""
        added = doctor(name)
        self.commit(
            lambda uow: uow.doctors.add(added),
            lambda uow: uow.doctors.set_hours(added.id, tuple(week)),
        )
        return added

    def add_patient(self, name: str = "Bea Moss") -> Patient:
        """Store one more patient."""
        added = patient(name)
        self.commit(lambda uow: uow.patients.add(added))
        return added

    def store_visit(
        self, times: str = "09:00-09:30", on: date = DAY, **fields: Any
    ) -> Appointment:
        """Store a visit past all rules, as `visit` makes it."""
        visit = self.visit(times, on, **fields)
        self.commit(lambda uow: uow.appointments.add(visit))
        return visit

    def store_entry(self, **fields: Any) -> WaitlistEntry:
        """Store an entry of the waitlist as `entry` makes it."""
        entry = self.entry(**fields)
        self.commit(lambda uow: uow.waitlist.add(entry))
        return entry

    def store_questionnaire(
        self, name: str = "intake", *questions: Question, **fields: Any
    ) -> Questionnaire:
        """Store a questionnaire as `questionnaire` makes it."""
        added = questionnaire(name, *questions, **fields)
        self.commit(lambda uow: uow.questionnaires.add(added))
        return added

    def store_form(self, **fields: Any) -> IntakeForm:
        """Store a form as `form` makes it."""
        form = self.form(**fields)
        self.commit(lambda uow: uow.intake_forms.add(form))
        return form

    def store_link(self, to: IntakeForm, **fields: Any) -> IntakeLink:
        """Store a link to a form."""
        link = intake_link(to, **fields)
        self.commit(lambda uow: uow.intake_forms.add_link(link))
        return link

    def store_summary(self, of: IntakeForm, **fields: Any) -> Summary:
        """Store a summary of a form as `summary` makes it."""
        made = summary(of, **fields)
        self.commit(lambda uow: uow.summaries.add(made))
        return made

    def store_offer(
        self,
        times: str = "09:00-09:30",
        to: WaitlistEntry | None = None,
        *,
        expires_at: datetime = NOW + timedelta(hours=1),
        **fields: Any,
    ) -> Offer:
        """Hold a time for an entry of the waitlist, by default for a new one."""
        entry = to or self.store_entry()
        held = self.visit(times, patient_id=entry.patient_id, **fields)
        offered = offer(held, entry, expires_at=expires_at)
        self.commit(lambda uow: uow.waitlist.add_offer(offered, held))
        return offered


def open_clinic(
    store: Store,
    *,
    name: str = "Hill Road Clinic",
    timezone: str = "America/New_York",
    week: Iterable[WorkingHours] = OPEN_ALL_WEEK,
    patients: int = 2,
    id: UUID | None = None,  # noqa: A002  As the entity names it.
) -> OpenClinic:
    """Store a clinic with an owner, who is signed in, a doctor and patients."""
    opened = clinic(name, timezone=timezone, **({"id": id} if id else {}))
    owner = user(opened.id)
    signed_in = session(owner)
    with store.entrance() as entrance:
        entrance.add_clinic(opened)
        entrance.add_user(owner)
        entrance.add_session(signed_in)
        entrance.commit()
    chen = doctor()
    known = tuple(patient(f"Pat Nr{n:03}") for n in range(1, patients + 1))
    uow = store.unit_of_work(opened.id, signed_in.id)
    with uow:
        uow.doctors.add(chen)
        uow.doctors.set_hours(chen.id, tuple(week))
        for person in known:
            uow.patients.add(person)
        uow.commit()
    return OpenClinic(
        store=store,
        clinic=opened,
        owner=owner,
        session=signed_in,
        doctor=chen,
        patients=known,
        uow=uow,
    )
