from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from clinicflow_core.entities.appointment import (
    CancellationType,
    IntakeStatus,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.clinic import ClinicSize
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.user import Role
from clinicflow_core.entities.waitlist import Outcome, WaitlistStatus
from clinicflow_core.errors import SchemaNotCurrentError, StoreDamagedError
from clinicflow_core.sql import migration
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.refusals import told_apart
from clinicflow_core.sql.store import open_store
from clinicflow_core.sql.tables import metadata
from tests.builders import (
    DAY,
    cancellation,
    day_hours,
    intake_link,
    once,
    open_clinic,
    questionnaire,
    summary,
    time_off,
    user,
)
from tests.sql.rows import REFERENCES, Rows

RECORD = (
    "clinics",
    "users",
    "doctors",
    "patients",
    "appointments",
    "cancellations",
    "intake_forms",
    "ai_intake_summaries",
)


def tables_in(url: str) -> set[str]:
    engine = make_engine(url)
    with engine.connect() as connection:
        found = set(inspect(connection).get_table_names())
    engine.dispose()
    return found


def run(url: str, *statements: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def fill(url: str) -> None:
    """Store something in every table."""
    store = open_store(url)
    clinic = open_clinic(store)
    account = user(clinic.id)
    series = clinic.series()
    visit = clinic.visit(series_id=series.id)

    def act(uow: Any) -> None:
        uow.users.add(account)
        uow.doctors.save(clinic.doctor.changed({"user_id": account.id}))
        uow.doctors.set_dated_hours(clinic.doctor.id, DAY, day_hours("09:00-12:00"))
        uow.doctors.add_time_off(time_off(clinic.doctor.id))
        uow.appointments.add_series(series)
        uow.appointments.add(visit)
        uow.appointments.cancel(cancellation(visit, cancelled_by_id=account.id))
        uow.origins.add("patient", "row 1", clinic.patient.id)
        uow.record("appointment.booked", visit)
        uow.questionnaires.add(asked := questionnaire())
        form = clinic.form(appointment_id=visit.id, questionnaire_id=asked.id)
        uow.intake_forms.add(form)
        uow.intake_forms.add_link(intake_link(form))
        uow.summaries.add(summary(form))

    with clinic.unit_of_work(once()) as uow:
        act(uow)
        uow.commit()
    clinic.store_offer("12:00-12:30")
    with store.entrance() as entrance:
        entrance.hold_tries(["somebody"])
        entrance.commit()
    store.close()


class TestUpAndDown:
    def test_an_empty_database_gets_every_table(self, empty_database_url: str) -> None:
        migration.upgrade(empty_database_url)

        found = tables_in(empty_database_url)
        assert found == {*metadata.tables, migration.VERSION_TABLE}
        assert found >= set(RECORD)

    def test_upgrading_again_changes_nothing(self, owned_database_url: str) -> None:
        fill(owned_database_url)

        migration.upgrade(owned_database_url)

        engine = make_engine(owned_database_url)
        with engine.connect() as connection:
            for table in metadata.tables:
                count = text(f"SELECT count(*) FROM {table}")
                assert connection.scalar(count), table
        engine.dispose()

    @pytest.mark.parametrize("filled", [False, True], ids=["empty", "with data"])
    def test_down_to_base_and_up_again(
        self, filled: bool, owned_database_url: str
    ) -> None:
        if filled:
            fill(owned_database_url)

        migration.downgrade(owned_database_url, "base")
        left = tables_in(owned_database_url)
        migration.upgrade(owned_database_url)

        assert left == {migration.VERSION_TABLE}
        fill(owned_database_url)

    def test_nothing_but_tables_is_left_behind_either(
        self, owned_database_url: str
    ) -> None:
        migration.downgrade(owned_database_url, "base")

        engine = make_engine(owned_database_url)
        query = (
            "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
            if engine.dialect.name == "sqlite"
            else "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace"
        )
        with engine.connect() as connection:
            left = set(connection.scalars(text(query)))
        engine.dispose()
        assert {name.removesuffix("_pkc") for name in left} == {migration.VERSION_TABLE}

    def test_the_tables_are_what_the_migrations_make(self, engine: Engine) -> None:
        options = {"version_table": migration.VERSION_TABLE, "compare_type": True}
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            found = compare_metadata(context, metadata)

        # SQLite adds no foreign key to a table that is there: a trigger stands for it.
        lacking = ["fk_appointments_clinic_id_series_id"]
        on_sqlite = engine.dialect.name == "sqlite"
        assert [kind for kind, _ in found] == ["add_fk"] * on_sqlite
        assert [key.name for _, key in found] == lacking * on_sqlite

    def test_an_upgrade_that_fails_leaves_nothing(
        self, empty_database_url: str
    ) -> None:
        run(empty_database_url, "CREATE TABLE origins (id INTEGER)")  # Made last.

        with pytest.raises(DBAPIError):
            migration.upgrade(empty_database_url)

        assert tables_in(empty_database_url) == {"origins"}

    def test_alembics_own_command_upgrades_the_database_of_the_environment(
        self, tmp_path: Path
    ) -> None:
        url = f"sqlite:///{tmp_path / 'clinicflow.db'}"

        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"DATABASE_URL": url},
            check=True,
            capture_output=True,
        )

        assert tables_in(url) >= set(RECORD)

    @pytest.mark.parametrize("setting", ["", None], ids=["empty", "not set"])
    def test_alembics_own_command_falls_back_to_the_embedded_database(
        self, setting: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        if setting is not None:
            monkeypatch.setenv("DATABASE_URL", setting)

        assert migration.url_from_environment() == "sqlite:///clinicflow.db"

    @pytest.mark.slow
    def test_two_servers_that_start_at_once_both_upgrade(
        self, empty_database_url: str
    ) -> None:
        upgrade = (
            "import sys; from clinicflow_core.sql import migration; "
            "migration.upgrade(sys.argv[1])"
        )

        servers = [
            subprocess.Popen([sys.executable, "-c", upgrade, empty_database_url])
            for _ in range(2)
        ]

        assert [server.wait(60) for server in servers] == [0, 0]
        assert tables_in(empty_database_url) >= set(RECORD)


class TestRequireCurrent:
    def test_the_newest_schema_is_current(self, engine: Engine) -> None:
        migration.require_current(engine)

        assert migration.current(engine) == migration.newest()

    @pytest.mark.parametrize("revision", ["0000", "9999"], ids=["older", "newer"])
    def test_another_schema_is_refused(
        self, revision: str, owned_database_url: str, engine: Engine
    ) -> None:
        run(
            owned_database_url,
            f"UPDATE {migration.VERSION_TABLE} SET version_num = '{revision}'",
        )

        with pytest.raises(SchemaNotCurrentError) as refused:
            migration.require_current(engine)

        assert refused.value.found == revision
        assert refused.value.needed == migration.newest()
        way_out = "newer ClinicFlow" if revision == "9999" else "clinicflow db upgrade"
        assert way_out in str(refused.value)

    def test_an_empty_database_is_refused(self, empty_database_url: str) -> None:
        engine = make_engine(empty_database_url)

        with pytest.raises(SchemaNotCurrentError, match="is empty, not") as refused:
            migration.require_current(engine)

        assert refused.value.found is None
        engine.dispose()

    def test_a_schema_that_was_taken_down_is_refused(
        self, owned_database_url: str, engine: Engine
    ) -> None:
        migration.downgrade(owned_database_url, "base")

        with pytest.raises(SchemaNotCurrentError):
            migration.require_current(engine)

    def test_a_store_tells_that_its_schema_is_not_current(
        self, empty_database_url: str
    ) -> None:
        store = open_store(empty_database_url)

        with pytest.raises(SchemaNotCurrentError):
            store.require_current()

        store.close()


NOW = "now"
DEFAULTS = {
    "clinics": {
        "timezone": "America/New_York",
        "clinic_metadata": {},
        "created_at": NOW,
        "updated_at": NOW,
    },
    "users": {"status": "active", "created_at": NOW, "updated_at": NOW},
    "doctors": {"created_at": NOW},
    "patients": {"created_at": NOW, "updated_at": NOW},
    "appointments": {
        "duration": 30,
        "status": "unconfirmed",
        "intake_status": "missing",
        "arrived": False,
        "created_at": NOW,
        "updated_at": NOW,
    },
    "cancellations": {"created_at": NOW},
    "intake_forms": {"status": "pending", "created_at": NOW},
    "ai_intake_summaries": {
        "model_version": "gpt-4",
        "status": "generated",
        "generated_at": NOW,
    },
}
"""As `schema.md` gives them."""

LATER = {
    "clinics": {"scheduling_policy": {}, "ai_summaries": True},
    "doctors": {"scheduling_policy": {}},
    "appointments": {
        "times_moved": 0,
        "offered_until": None,
        "series_id": None,
        "shares_doctor": False,
        "shares_patient": False,
    },
    "cancellations": {"late": False},
    "time_off": {"created_at": NOW},
    "appointment_series": {"created_at": NOW},
    "waitlist": {
        "status": "waiting",
        "urgent": False,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
    },
    "waitlist_offers": {"outcome": "open", "created_at": NOW},
    "questionnaires": {"version": 1, "created_at": NOW},
    "intake_forms": {"draft": None, "dropped": [], "version": 1, "updated_at": NOW},
    "intake_links": {"birth_date_tries": 0, "created_at": NOW},
    "ai_intake_summaries": {
        "digest": {},
        "machine": None,
        "dropped": [],
        "failure": None,
        "version": 1,
    },
    "outbox": {"dead_at": None, "revived_after": 0, "error": None},
}
"""What came with the diary and with intake."""


@pytest.mark.parametrize(
    ("table", "defaults"),
    [
        pytest.param(table, defaults, id=f"{table}, {of}")
        for of, tables in (("the record", DEFAULTS), ("later", LATER))
        for table, defaults in tables.items()
    ],
)
def test_a_row_gets_its_defaults(
    table: str, defaults: dict[str, Any], rows: Rows
) -> None:
    found = rows.get(table, rows.add(table))

    for column, default in defaults.items():
        if default is NOW:
            age = datetime.now(UTC) - found[column]  # noqa: TID251  The database's own.
            assert abs(age) < timedelta(minutes=5), column
        else:
            assert found[column] == default, column


LISTS = {
    ("clinics", "clinic_size"): [size.value for size in ClinicSize],
    ("users", "role"): [role.value for role in Role],
    ("appointments", "visit_type"): [kind.value for kind in VisitType],
    ("appointments", "visit_category"): [kind.value for kind in VisitCategory],
    ("appointments", "status"): [status.value for status in Status],
    ("appointments", "intake_status"): [status.value for status in IntakeStatus],
    ("cancellations", "cancellation_type"): [kind.value for kind in CancellationType],
    ("intake_forms", "status"): ["pending", "submitted", "reviewed"],
    ("ai_intake_summaries", "status"): ["generating", "generated", "failed", "edited"],
    ("working_hours", "weekday"): [day.value for day in Weekday],
    ("waitlist", "visit_type"): [kind.value for kind in VisitType],
    ("waitlist", "visit_category"): [kind.value for kind in VisitCategory],
    ("waitlist", "status"): [status.value for status in WaitlistStatus],
    ("waitlist_offers", "outcome"): [outcome.value for outcome in Outcome],
}

listed = pytest.mark.parametrize(
    ("table", "column"), LISTS, ids=[".".join(key) for key in LISTS]
)


@listed
def test_a_value_that_is_on_the_list_is_kept(
    table: str, column: str, rows: Rows
) -> None:
    for value in LISTS[table, column]:
        in_another_clinic = Rows(rows.connection)
        in_another_clinic.add(table, **{column: value})


@listed
@pytest.mark.parametrize("change", [str.upper, lambda v: f"{v} ", lambda v: ""])
def test_a_value_that_is_not_on_the_list_is_refused(
    table: str, column: str, change: Callable[[str], str], rows: Rows
) -> None:
    rows.id_of("clinics")

    with pytest.raises(IntegrityError, match=f"ck_{table}_{column}"):
        rows.add(table, **{column: change(LISTS[table, column][0])})


@pytest.mark.parametrize(
    ("table", "values", "constraint"),
    [
        ("users", {"password_hash": None}, "ck_users_can_sign_in"),
        ("appointments", {"duration": 0}, "ck_appointments_duration"),
        ("appointments", {"duration": 1441}, "ck_appointments_duration"),
        ("dated_hours", {"start_time": time(9)}, "ck_dated_hours_both_or_neither"),
        ("dated_hours", {"end_time": time(9)}, "ck_dated_hours_both_or_neither"),
        ("time_off", {"end_time": time(9)}, "ck_time_off_span"),
        ("time_off", {"end_date": date(2026, 3, 1)}, "ck_time_off_span"),
        ("appointment_series", {"duration": 0}, "ck_appointment_series_duration"),
        ("appointment_series", {"duration": 1441}, "ck_appointment_series_duration"),
        ("waitlist", {"duration": 0}, "ck_waitlist_duration"),
        ("waitlist", {"duration": 1441}, "ck_waitlist_duration"),
        ("waitlist", {"last_date": date(2026, 3, 1)}, "ck_waitlist_dates"),
        (
            "waitlist_offers",
            {"ends_at": datetime(2026, 3, 3, 14, tzinfo=UTC)},
            "ck_waitlist_offers_span",
        ),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(
    table: str, values: dict[str, Any], constraint: str, rows: Rows
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        rows.add(table, **values)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("dated_hours", {"start_time": time(22), "end_time": time(6)}),
        ("time_off", {"end_date": date(2026, 3, 3), "end_time": time(8)}),
        ("waitlist", {"last_date": date(2026, 3, 2)}),
    ],
)
def test_a_row_that_barely_makes_sense_is_kept(
    table: str, values: dict[str, Any], rows: Rows
) -> None:
    rows.add(table, **values)


def test_nobody_is_merged_into_himself(rows: Rows) -> None:
    key = uuid4()

    with pytest.raises(IntegrityError, match="ck_patients_merged_into_id"):
        rows.add("patients", id=key, merged_into_id=key)


def test_a_google_account_needs_no_password(rows: Rows) -> None:
    rows.add("users", password_hash=None, google_id="google-1")


@pytest.mark.parametrize("column", ["email", "email_key", "google_id"])
def test_what_people_sign_in_with_is_theirs_alone(column: str, rows: Rows) -> None:
    rows.add("users", **{column: "the same"})

    with pytest.raises(IntegrityError, match=column):
        rows.add("users", **{column: "the same"})


WITHIN_A_CLINIC = {
    **{
        (table, column): to
        for table, references in REFERENCES.items()
        for column, to in references.items()
    },
    ("users", "doctor_id"): "doctors",
    ("doctors", "user_id"): "users",
    ("appointments", "override_by_id"): "users",
    ("cancellations", "cancelled_by_id"): "users",
    ("intake_forms", "appointment_id"): "appointments",
    ("intake_forms", "questionnaire_id"): "questionnaires",
    ("intake_forms", "reviewed_by_id"): "users",
    ("ai_intake_summaries", "signed_by_id"): "users",
    ("events", "user_id"): "users",
    ("patients", "merged_into_id"): "patients",
    ("appointments", "series_id"): "appointment_series",
    ("waitlist", "doctor_id"): "doctors",
    ("waitlist", "appointment_id"): "appointments",
}

references = pytest.mark.parametrize(
    ("table", "column"), WITHIN_A_CLINIC, ids=[".".join(k) for k in WITHIN_A_CLINIC]
)


def test_every_reference_between_tables_of_a_clinic_is_tried_below() -> None:
    keys = {
        (table.name, key.column_keys[-1])
        for table in metadata.tables.values()
        for key in table.foreign_key_constraints
        if key.referred_table.name != "clinics"
    }

    assert keys == set(WITHIN_A_CLINIC)


@references
@pytest.mark.parametrize("whose", ["another clinic's", "nobody's"])
def test_no_reference_leads_out_of_the_clinic(
    table: str, column: str, whose: str, rows: Rows
) -> None:
    abroad = Rows(rows.connection)
    key = abroad.id_of(WITHIN_A_CLINIC[table, column]) if whose[0] == "a" else uuid4()
    for to in REFERENCES[table].values():
        rows.id_of(to)

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        rows.add(table, **{column: key})


@references
def test_a_reference_within_the_clinic_is_kept(
    table: str, column: str, rows: Rows
) -> None:
    """The control of the test above."""
    key = rows.id_of(WITHIN_A_CLINIC[table, column])

    rows.add(table, **{column: key})


@pytest.mark.parametrize(
    ("table", "column"), [key for key in WITHIN_A_CLINIC if key[0] != "events"], ids=str
)
@pytest.mark.parametrize("whose", ["another clinic's", "nobody's"])
def test_no_reference_is_led_out_of_the_clinic_later(
    table: str, column: str, whose: str, rows: Rows
) -> None:
    abroad = Rows(rows.connection)
    key = abroad.id_of(WITHIN_A_CLINIC[table, column]) if whose[0] == "a" else uuid4()
    rows.add(table)
    target = metadata.tables[table]
    lead = target.update().where(target.c.clinic_id == rows.id_of("clinics"))

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        rows.connection.execute(lead.values({column: key}))


def test_every_row_of_a_clinic_needs_that_clinic(rows: Rows) -> None:
    rows.id_of("clinics")
    for table in REFERENCES:
        for to in REFERENCES[table].values():
            rows.id_of(to)
        with (
            pytest.raises(IntegrityError, match=r"(?i)foreign key"),
            rows.connection.begin_nested(),
        ):
            rows.add(table, clinic_id=uuid4())


def test_the_named_indexes_are_there(engine: Engine) -> None:
    with engine.connect() as connection:
        found = {
            index["name"]: index["column_names"]
            for index in inspect(connection).get_indexes("appointments")
        }

    assert found["idx_appointments_clinic_date"] == ["clinic_id", "date"]
    assert found["idx_appointments_doctor_date"] == ["doctor_id", "date"]
    assert found["idx_appointments_patient"] == ["patient_id"]


LATER_ON = datetime(2026, 3, 3, tzinfo=UTC)


def test_a_visit_has_one_form_that_is_not_revoked(rows: Rows) -> None:
    visit = rows.id_of("appointments")
    for _ in range(2):
        rows.add("intake_forms", appointment_id=visit, revoked_at=LATER_ON)
    rows.add("intake_forms", appointment_id=visit)

    with pytest.raises(IntegrityError):
        rows.add("intake_forms", appointment_id=visit)


@pytest.mark.parametrize("of", ["appointment_id", "intake_form_id"])
def test_a_form_and_a_visit_have_one_summary_that_is_not_superseded(
    of: str, rows: Rows
) -> None:
    def add(**values: Any) -> None:
        others = {
            "appointment_id": rows.add("appointments", status="cancelled"),
            "intake_form_id": rows.add("intake_forms"),
        }
        shared = {of: rows.id_of({"a": "appointments", "i": "intake_forms"}[of[0]])}
        rows.add("ai_intake_summaries", **others | shared | values)

    for _ in range(2):
        add(superseded_at=LATER_ON)
    add()

    with pytest.raises(IntegrityError):
        add()


@pytest.mark.parametrize("table", ["intake_forms", "ai_intake_summaries"])
def test_several_can_wait_for_a_visit(table: str, rows: Rows) -> None:
    for _ in range(2):
        form = rows.add("intake_forms")
        if table == "ai_intake_summaries":
            rows.add(table, appointment_id=None, intake_form_id=form)


def test_a_name_has_each_version_once(rows: Rows) -> None:
    rows.add("questionnaires")
    rows.add("questionnaires", version=2)
    rows.add("questionnaires", name="another")

    with pytest.raises(IntegrityError):
        rows.add("questionnaires")


def test_a_token_opens_one_form(rows: Rows) -> None:
    rows.add("intake_links", token_hash="a" * 64)
    Rows(rows.connection).add("intake_links", token_hash="a" * 64)

    with pytest.raises(IntegrityError):
        rows.add("intake_links", token_hash="a" * 64)


def test_an_entry_of_the_waitlist_has_one_open_offer(rows: Rows) -> None:
    rows.add("waitlist_offers")
    rows.add("waitlist_offers", outcome="declined")
    rows.add("waitlist_offers", outcome="declined")

    with pytest.raises(IntegrityError):
        rows.add("waitlist_offers")


def test_a_day_has_its_stretches_in_one_order(rows: Rows) -> None:
    rows.add("dated_hours", position=0)

    with pytest.raises(IntegrityError):
        rows.add("dated_hours", position=0)


@pytest.mark.parametrize("step", [migration.upgrade, migration.require_current])
def test_a_schema_from_a_newer_clinicflow_is_told_as_such(step, sqlite_url):
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE clinicflow_schema SET version_num = '9999'"))

    with pytest.raises(SchemaNotCurrentError, match="from a newer ClinicFlow"):
        step(sqlite_url if step is migration.upgrade else engine)

    engine.dispose()


def test_tables_that_are_not_from_a_migration_are_left_alone(empty_database_url):
    engine = make_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE clinics (name TEXT)"))

    with pytest.raises(StoreDamagedError), told_apart():
        migration.upgrade(empty_database_url)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM clinics")).all() == []
    engine.dispose()


SHARED = {"users", "sessions"}
"""Tables whose rows are looked for before any clinic is known."""

OF_ALL_CLINICS = {"uq_events_number"}
"""What counts through all clinics, on purpose; in a cluster it counts on each node."""


def test_every_key_of_a_clinics_table_has_the_clinic_in_it(engine: Engine) -> None:
    """So that the tables can be spread over a cluster by their clinic."""
    with engine.connect() as connection:
        found = inspect(connection)
        without = {
            key["name"]
            for table, made in metadata.tables.items()
            if "clinic_id" in made.c and table not in SHARED
            for columns, keys in (
                ("constrained_columns", [found.get_pk_constraint(table)]),
                ("constrained_columns", found.get_foreign_keys(table)),
                ("column_names", found.get_unique_constraints(table)),
                ("column_names", [i for i in found.get_indexes(table) if i["unique"]]),
            )
            for key in keys
            if "clinic_id" not in key[columns]
        }

    assert without == OF_ALL_CLINICS
