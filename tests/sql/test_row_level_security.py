"""PostgreSQL itself keeps clinics apart, whatever a statement forgets to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from attrs import frozen
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy import text

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.ids import EventId
from clinicflow_core.entities.intake import IntakeForm, IntakeLink
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.summary import Summary
from clinicflow_core.entities.waitlist import Offer, Outcome
from clinicflow_core.errors import (
    ContentionError,
    DoctorNotFoundError,
    FormNotFoundError,
    JobNotFoundError,
    QuestionnaireNotFoundError,
    SeriesNotFoundError,
    SummaryNotFoundError,
    TimeOffNotFoundError,
    WaitlistEntryNotFoundError,
)
from clinicflow_core.ports import AppointmentFilter, FormFilter, PageRequest
from clinicflow_core.sql import migration
from clinicflow_core.sql.accounts import SqlUsers
from clinicflow_core.sql.appointments import SqlAppointments
from clinicflow_core.sql.belongings import SqlBelongings
from clinicflow_core.sql.diaries import SqlDiaries
from clinicflow_core.sql.doctors import SqlDoctors
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.intake import SqlIntakeForms
from clinicflow_core.sql.jobs import SqlJobs
from clinicflow_core.sql.patients import SqlPatients
from clinicflow_core.sql.prepared import Trip
from clinicflow_core.sql.questionnaires import SqlQuestionnaires
from clinicflow_core.sql.store import SqlStore
from clinicflow_core.sql.summaries import SqlSummaries
from clinicflow_core.sql.tables import metadata
from clinicflow_core.sql.trail import SqlEvents, SqlOrigins
from clinicflow_core.sql.waitlist import SqlWaitlist
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    Watch,
    cancellation,
    open_clinic,
    patient,
    span,
    time_off,
)
from tests.postgres import SERVICE, PostgresServer, as_owner
from tests.sql.conftest import OpenStore
from tests.sql.rows import Rows

OF_A_CLINIC = sorted(
    name
    for name, table in metadata.tables.items()
    if name == "clinics" or "clinic_id" in table.c
)
HELD = span("12:00-12:30")
BOOKED = ["appointment.booked"]
OF_NOBODY = {migration.VERSION_TABLE, "sign_in_tries"}
"""Tables whose rows belong to no clinic, on purpose."""

tables = pytest.mark.parametrize("table", OF_A_CLINIC)


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    """Connect without anything of ClinicFlow in between."""
    plain = url.replace("postgresql+psycopg:", "postgresql:")
    return psycopg.connect(plain, **options)


def column_of(table: str) -> sql.Identifier:
    """Return the column that says whose a row is."""
    return sql.Identifier("id" if table == "clinics" else "clinic_id")


def enter(connection: psycopg.Connection[Any], clinic: UUID | str) -> None:
    connection.execute(
        "SELECT set_config('clinicflow.clinic', %s, true)", [str(clinic)]
    )


def count(connection: psycopg.Connection[Any], table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    [found] = connection.execute(query).fetchone()
    return found


@frozen
class Walls:
    """
    A database with a row of two clinics in every table.

    Attributes:
        url: For the service's role.
    """

    url: str
    clinic: UUID
    other: UUID

    def row(self, table: str, clinic: UUID) -> dict[str, Any]:
        """Return a clinic's row of *table* as it can be inserted once more."""
        query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(
            sql.Identifier(table), column_of(table)
        )
        with connect(as_owner(self.url), row_factory=dict_row) as owner:
            found = owner.execute(query, [clinic]).fetchone()
        columns = metadata.tables[table].c
        return {
            name: Jsonb(value) if isinstance(value, dict) else value
            for name, value in found.items()
            if columns[name].computed is None
        }


@pytest.fixture(scope="module")
def walls(postgres: PostgresServer, migrated_postgres: str) -> Walls:
    engine = make_engine(postgres.create_database("walls", template=migrated_postgres))
    clinics = []
    with engine.begin() as connection:
        for _ in range(2):
            rows = Rows(connection)
            for table in OF_A_CLINIC:
                rows.id_of(table)
            clinics.append(rows.id_of("clinics"))
    engine.dispose()
    return Walls(postgres.service_url("walls"), *clinics)


@pytest.fixture
def service(walls: Walls) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the service's role that has said nothing yet."""
    with connect(walls.url) as connection:
        yield connection
        connection.rollback()


def insert_again(
    connection: psycopg.Connection[Any], table: str, row: dict[str, Any]
) -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(",").join(map(sql.Identifier, row)),
        sql.SQL(",").join(map(sql.Placeholder, row)),
    )
    if "number" in row:
        row = row | {"number": row["number"] + 1000}
    connection.execute(statement, row)


class TestAConnectionThatForgetsTheClinic:
    @tables
    def test_sees_no_row(self, table: str, service: Any, walls: Walls) -> None:
        with connect(as_owner(walls.url)) as owner:
            assert count(owner, table) >= 2

        assert count(service, table) == 0

    @tables
    def test_sees_none_by_saying_nothing_in_so_many_words(
        self, table: str, service: Any
    ) -> None:
        enter(service, "")

        assert count(service, table) == 0

    @tables
    def test_can_add_none(self, table: str, service: Any, walls: Walls) -> None:
        row = walls.row(table, walls.clinic)

        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            insert_again(service, table, row)


class TestAConnectionInOneClinic:
    @pytest.fixture(autouse=True)
    def enter(self, service: Any, walls: Walls) -> None:
        enter(service, walls.clinic)

    @tables
    def test_sees_its_own_rows_only(
        self, table: str, service: Any, walls: Walls
    ) -> None:
        query = sql.SQL("SELECT DISTINCT {} FROM {}")
        query = query.format(column_of(table), sql.Identifier(table))

        assert service.execute(query).fetchall() == [(walls.clinic,)]

    @tables
    @pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
    def test_cannot_change_anothers(
        self, change: str, table: str, service: Any, walls: Walls
    ) -> None:
        column = column_of(table)
        statement = sql.SQL(f"{change} WHERE {{}} = %s").format(
            sql.Identifier(table), *[column] * (change.count("{}"))
        )
        if table == "events":
            with pytest.raises(InsufficientPrivilege, match="permission denied"):
                service.execute(statement, [walls.other])
            return

        assert service.execute(statement, [walls.other]).rowcount == 0

    @tables
    def test_cannot_add_to_anothers(
        self, table: str, service: Any, walls: Walls
    ) -> None:
        row = walls.row(table, walls.other)

        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            insert_again(service, table, row)

    @pytest.mark.parametrize("table", sorted({*OF_A_CLINIC} - {"events"}))
    def test_cannot_give_away_its_own(
        self, table: str, service: Any, walls: Walls
    ) -> None:
        statement = sql.SQL("UPDATE {} SET {} = %s")
        statement = statement.format(sql.Identifier(table), column_of(table))

        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            service.execute(statement, [walls.other])


class TestTheEntrance:
    @pytest.fixture(autouse=True)
    def stand_there(self, service: Any) -> None:
        service.execute("SELECT set_config('clinicflow.entrance', 'on', true)")

    @tables
    def test_sees_who_could_sign_in_only(self, table: str, service: Any) -> None:
        assert bool(count(service, table)) is (
            table in {"clinics", "users", "sessions"}
        )

    @tables
    def test_adds_nothing_without_a_clinic(
        self, table: str, service: Any, walls: Walls
    ) -> None:
        row = walls.row(table, walls.clinic)

        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            insert_again(service, table, row)

    @pytest.mark.parametrize(
        "statement", ["UPDATE users SET role = 'owner'", "DELETE FROM clinics"]
    )
    def test_changes_nothing_without_a_clinic(
        self, statement: str, service: Any
    ) -> None:
        assert service.execute(statement).rowcount == 0

    def test_holds_a_session_and_changes_it_in_its_clinic_only(
        self, service: Any, walls: Walls
    ) -> None:
        held = service.execute("SELECT clinic_id FROM sessions FOR UPDATE").fetchall()
        change = "UPDATE sessions SET ended_at = now() WHERE clinic_id = %s"
        enter(service, walls.clinic)

        assert {(walls.clinic,), (walls.other,)} == {*held}
        assert service.execute(change, [walls.clinic]).rowcount == 1
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            service.execute(change, [walls.other])


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "undone"])
def test_who_borrows_a_connection_next_is_in_no_clinic(
    committed: bool, postgres_url: str
) -> None:
    store = SqlStore(make_engine(postgres_url, pool_size=1), Watch())
    clinic = open_clinic(store)
    with clinic.uow as uow:
        assert uow.patients.get(clinic.patient.id) == clinic.patient
        if committed:
            uow.commit()

    with store.engine.connect() as connection:
        said = connection.scalar(text("SELECT current_setting('clinicflow.clinic')"))
        seen = connection.scalar(text("SELECT count(*) FROM patients"))

    assert (said, seen) == ("", 0)
    store.close()


def test_what_a_whole_session_says_would_outlive_the_transaction(walls: Walls) -> None:
    """Why it is said for a transaction."""
    with connect(walls.url) as service:
        service.execute(
            "SELECT set_config('clinicflow.clinic', %s, false)", [str(walls.clinic)]
        )
        service.commit()

        assert count(service, "patients") == 1


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "not forced"])
def test_an_owner_is_held_as_well_because_it_is_forced(
    forced: bool, postgres_url: str, open_: OpenStore
) -> None:
    open_clinic(open_(postgres_url))
    role = f"owner_{uuid4().hex}"
    with connect(as_owner(postgres_url)) as superuser:
        superuser.execute(f"CREATE ROLE {role} LOGIN")
        superuser.execute(f"ALTER TABLE patients OWNER TO {role}")
        if not forced:
            superuser.execute("ALTER TABLE patients NO FORCE ROW LEVEL SECURITY")

    with connect(postgres_url.replace(SERVICE, role)) as owner:
        assert count(owner, "patients") == (0 if forced else 2)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'nobody'",
        "DELETE FROM events",
        "TRUNCATE events CASCADE",
        "TRUNCATE patients CASCADE",
        "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_clinic ON patients",
        "CREATE POLICY mine ON patients USING (true)",
        "CREATE INDEX ix_more ON patients (phone)",
        "CREATE TABLE notes (id integer)",
        "DROP TABLE patients CASCADE",
        "UPDATE clinicflow_schema SET version_num = '0000'",
        "SET ROLE clinicflow",
        "CREATE ROLE another",
    ],
)
def test_the_service_cannot_take_the_wall_down(statement: str, service: Any) -> None:
    with pytest.raises(InsufficientPrivilege):
        service.execute(statement)


@frozen
class Neighbours:
    """Two clinics, of which the other one has something of everything."""

    clinic: OpenClinic
    other: OpenClinic
    visit: Appointment
    time_off: TimeOff
    series: Series
    offer: Offer
    questionnaire: Questionnaire
    form: IntakeForm
    link: IntakeLink
    summary: Summary
    job_id: EventId

    def seen(self, trip: Trip, bound_to: OpenClinic) -> set[str]:
        """Return which repositories, bound to a clinic, give anything of the other."""
        other, all_of_them = self.other, PageRequest()
        doctors = SqlDoctors(trip, bound_to.id)
        visits = SqlAppointments(trip, bound_to.id)
        waitlist = SqlWaitlist(trip, bound_to.id, NOW)
        found: dict[str, object] = {
            "doctors": other.doctor in doctors.page(all_of_them).items,
            "working hours": doctors.hours_of(other.doctor.id),
            "dated hours": doctors.dated_hours_of(other.doctor.id, DAY, DAY),
            "time off": doctors.time_off_of(other.doctor.id, DAY),
            "visits of a series": visits.of_series(self.series.id),
            "visits of series": visits.of_series_with(other.doctor.id, 10),
            "waitlist": waitlist.page(None, all_of_them).items,
            "waiting": waitlist.waiting(other.doctor.id, DAY, DAY, 10),
            "offers": waitlist.offers_of([self.offer.waitlist_id]),
            "open offers": waitlist.open_offers_with(other.doctor.id),
            "belongings": any(
                SqlBelongings(trip, bound_to.id).of(other.patient.id).values()
            ),
            "patients": SqlPatients(trip, bound_to.id).named([other.patient.id]),
            "visits": self.visit in visits.page(AppointmentFilter(), all_of_them).items,
            "cancellations": visits.cancellations_of(self.visit.id),
            "users": other.owner
            in SqlUsers(trip, bound_to.id, NOW).page(all_of_them).items,
            "events": SqlEvents(trip, bound_to.id, []).of(self.visit.id),
            "origins": SqlOrigins(trip, bound_to.id).known("patient", ["row 1"]),
        }
        diaries = SqlDiaries(trip, bound_to.clinic, NOW)
        with suppress(DoctorNotFoundError):
            found["diaries"] = diaries.read([other.doctor.id], [], self.visit.span)
        everybody = diaries.read(None, [], self.visit.span)
        found["diary of all"] = other.doctor.id in everybody.doctors
        with suppress(SeriesNotFoundError):
            found["series"] = visits.get_series(self.series.id)
        with suppress(TimeOffNotFoundError):
            found["one time off"] = doctors.get_time_off(self.time_off.id)
        with suppress(WaitlistEntryNotFoundError):
            found["entry"] = waitlist.get(self.offer.waitlist_id)
        with suppress(ContentionError):
            found["offer"] = waitlist.get_offer(self.offer.id)
        return {name for name, anything in found.items() if anything} | self.told(
            trip, bound_to
        )

    def told(self, trip: Trip, bound_to: OpenClinic) -> set[str]:
        """Return the same of intake, and of what is to be done because of it."""
        all_of_them = PageRequest()
        asked = SqlQuestionnaires(trip, bound_to.id)
        forms = SqlIntakeForms(trip, bound_to.id)
        summaries = SqlSummaries(trip, bound_to.id)
        jobs = SqlJobs(trip, bound_to.id, NOW)
        waiting = jobs.page(BOOKED, None, all_of_them).items
        found: dict[str, object] = {
            "questionnaires": asked.page(all_of_them).items,
            "newest questionnaire": asked.newest("intake"),
            "forms": forms.page(FormFilter(), all_of_them).items,
            "form of a visit": forms.current_of(self.visit.id),
            "links": forms.links_of(self.form.id),
            "link": forms.hold_link(self.link.token_hash),
            "summary of a form": summaries.current_of(self.form.id),
            "summaries of a form": summaries.of_form(self.form.id),
            "jobs": waiting,
        }
        with suppress(QuestionnaireNotFoundError):
            found["questionnaire"] = asked.get(self.questionnaire.id)
        with suppress(FormNotFoundError):
            found["form"] = forms.get(self.form.id)
        with suppress(SummaryNotFoundError):
            found["summary"] = summaries.get(self.summary.id)
        with suppress(JobNotFoundError):
            found["job"] = jobs.get(self.job_id)
        return {name for name, anything in found.items() if anything}


EVERYTHING = {
    "doctors",
    "working hours",
    "patients",
    "visits",
    "cancellations",
    "users",
    "events",
    "origins",
    "diaries",
    "diary of all",
    "dated hours",
    "time off",
    "one time off",
    "series",
    "visits of a series",
    "visits of series",
    "waitlist",
    "waiting",
    "entry",
    "offers",
    "open offers",
    "offer",
    "belongings",
    "questionnaires",
    "newest questionnaire",
    "questionnaire",
    "forms",
    "form",
    "form of a visit",
    "links",
    "link",
    "summary of a form",
    "summaries of a form",
    "summary",
    "jobs",
    "job",
}


@pytest.fixture
def neighbours(postgres_url: str, open_: OpenStore) -> Callable[[str], Neighbours]:
    """Opens two clinics by way of a URL of the database."""

    def opened(url: str = postgres_url) -> Neighbours:
        store = open_(url)
        clinic, other = open_clinic(store), open_clinic(store, name="Lake Side Clinic")
        series, off = other.series(), time_off(other.doctor.id)
        other.commit(lambda uow: uow.appointments.add_series(series))
        visit = other.store_visit(series_id=series.id)
        other.commit(
            lambda uow: uow.appointments.cancel(cancellation(visit)),
            lambda uow: uow.doctors.set_dated_hours(other.doctor.id, DAY, ()),
            lambda uow: uow.doctors.add_time_off(off),
            lambda uow: uow.origins.add("patient", "row 1", other.patient.id),
            lambda uow: uow.record("appointment.booked", visit),
        )
        offered = other.store_offer("12:00-12:30")
        asked = other.store_questionnaire()
        form = other.store_form(appointment_id=visit.id, questionnaire_id=asked.id)
        link, told = other.store_link(form), other.store_summary(form)
        with other.uow as uow:
            [booked] = uow.events.of(visit.id)
        return Neighbours(
            clinic,
            other,
            visit,
            off,
            series,
            offered,
            asked,
            form,
            link,
            told,
            booked.id,
        )

    return opened


class TestEachWallHoldsAlone:
    """A transaction of one clinic looks for what is another one's."""

    def test_row_level_security_behind_repositories_bound_to_another_clinic(
        self, neighbours: Callable[..., Neighbours]
    ) -> None:
        two = neighbours()

        with two.clinic.uow as uow:
            assert two.seen(uow._trip, two.other) == set()

    def test_bound_repositories_before_a_role_that_nothing_holds(
        self, postgres_url: str, neighbours: Callable[..., Neighbours]
    ) -> None:
        two = neighbours(as_owner(postgres_url))

        with two.clinic.uow as uow:
            assert two.seen(uow._trip, two.clinic) == set()

    @pytest.mark.parametrize("open_by", ["a role above it", "its being switched off"])
    def test_with_neither_everything_is_seen(
        self, open_by: str, postgres_url: str, neighbours: Callable[..., Neighbours]
    ) -> None:
        """The control: the look finds what is there to be found."""
        if open_by == "a role above it":
            two = neighbours(as_owner(postgres_url))
        else:
            two = neighbours()
            with connect(as_owner(postgres_url)) as owner:
                for table in OF_A_CLINIC:
                    owner.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

        with two.clinic.uow as uow:
            assert two.seen(uow._trip, two.other) == EVERYTHING

    def test_row_level_security_lets_nobody_write_into_another_clinic(
        self, neighbours: Callable[..., Neighbours]
    ) -> None:
        two = neighbours()
        changed = two.other.patient.changed({"phone": "555-0100"}, NOW)

        with two.clinic.uow as uow:
            SqlPatients(uow._trip, two.other.id).add(patient())
            with pytest.raises(RuntimeError, match="42501"):
                uow.commit()
        with two.clinic.uow as uow:
            SqlPatients(uow._trip, two.other.id).save(changed)
            with pytest.raises(ContentionError):
                uow.commit()
        with two.clinic.uow as uow:
            SqlWaitlist(uow._trip, two.other.id, NOW).end_offer(
                two.offer.ended(Outcome.DECLINED)
            )
            with pytest.raises(ContentionError):
                uow.commit()
        with two.clinic.uow as uow:
            SqlOrigins(uow._trip, two.other.id).forget("patient", two.other.patient.id)
            SqlDoctors(uow._trip, two.other.id).remove_time_off(two.time_off.id)
            SqlWaitlist(uow._trip, two.other.id, NOW).let_go(two.offer.id)
            SqlWaitlist(uow._trip, two.other.id, NOW).remove(two.offer.waitlist_id)
            SqlBelongings(uow._trip, two.other.id).blank(two.other.patient.id, NOW)
            SqlIntakeForms(uow._trip, two.other.id).revoke_links(two.form.id, NOW)
            assert SqlJobs(uow._trip, two.other.id, NOW).claim(BOOKED, NOW) is None
            uow.commit()

        with two.other.uow as uow:
            assert uow.patients.get(changed.id) == two.other.patient
            assert uow.origins.known("patient", ["row 1"])
            assert uow.doctors.get_time_off(two.time_off.id) == two.time_off
            assert uow.waitlist.get(two.offer.waitlist_id).version == 1
            assert uow.waitlist.get_offer(two.offer.id) == two.offer
            [held] = uow.diaries.read([], [two.other.patient.id], HELD).busy
            assert held.appointment_id == two.offer.id
            assert uow.appointments.get(two.visit.id) == two.visit
            assert uow.intake_forms.get(two.form.id) == two.form
            assert uow.intake_forms.links_of(two.form.id) == (two.link,)
            assert uow.summaries.get(two.summary.id) == two.summary
            assert uow.jobs.claim(BOOKED, NOW) is not None


def not_held(url: str) -> set[str]:
    """Return the tables that PostgreSQL shows without asking for the clinic."""
    with connect(as_owner(url)) as owner:
        rows = owner.execute(
            """
            SELECT t.relname FROM pg_class AS t
            WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')
            AND NOT (
                t.relrowsecurity AND t.relforcerowsecurity AND EXISTS (
                    SELECT FROM pg_policies AS p WHERE p.tablename = t.relname
                    AND p.policyname = 'own_clinic' AND p.cmd = 'ALL'
                    AND p.qual LIKE '%clinicflow.clinic%' AND p.with_check = p.qual
                )
            )
            """
        )
        return {name for (name,) in rows}


def test_every_table_of_a_clinic_is_behind_the_wall(postgres_url: str) -> None:
    """A new table is named here as nobody's, or gets its policy in its migration."""
    assert not_held(postgres_url) <= OF_NOBODY


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE patients_2 (clinic_id uuid)",
        "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_clinic ON patients",
        "ALTER POLICY own_clinic ON patients USING (true)",
    ],
)
def test_a_table_that_is_not_behind_the_wall_is_found(
    statement: str, postgres_url: str
) -> None:
    with connect(as_owner(postgres_url)) as owner:
        owner.execute(statement)

    [found] = not_held(postgres_url) - OF_NOBODY
    assert found.startswith("patients")


def test_the_other_policies_are_those_of_the_entrance(walls: Walls) -> None:
    with connect(as_owner(walls.url)) as owner:
        found = owner.execute(
            "SELECT tablename, policyname, cmd FROM pg_policies "
            "WHERE policyname <> 'own_clinic' ORDER BY tablename, policyname"
        ).fetchall()

    assert found == [
        ("clinics", "entrance", "SELECT"),
        ("sessions", "entrance", "SELECT"),
        ("sessions", "entrance_holds", "UPDATE"),
        ("users", "entrance", "SELECT"),
    ]
