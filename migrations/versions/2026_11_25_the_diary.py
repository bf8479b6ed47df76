"""
The diary: policies, days with other hours, time off, series, the waitlist, and visits
that share the time of the doctor or of the patient alone.

A released migration is never changed. It names what it makes, imports nothing
from ClinicFlow, and can be undone. Work that locks a table for long goes into a
migration of its own. On PostgreSQL a table with a clinic_id gets row-level security
and its policy, and one whose rows are changed is not forced meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TAKES_TIME = "status IN ('unconfirmed', 'confirmed', 'completed')"
HOLDS_TIME = f"{TAKES_TIME} AND NOT overbooked"
PEOPLE = ("doctor", "patient")
ADDED = (
    "dated_hours",
    "time_off",
    "appointment_series",
    "waitlist",
    "waitlist_offers",
)
BOTH_ON_POSTGRESQL = """
    ARRAY['doctor-busy', 'patient-busy'] || array_remove(
        array_remove(override_conflicts, 'doctor-busy'), 'patient-busy'
    )
"""
BOTH_ON_SQLITE = """(
    SELECT json_group_array(kind) FROM (
        SELECT 'doctor-busy' AS kind UNION ALL SELECT 'patient-busy'
        UNION ALL SELECT value FROM json_each(override_conflicts)
        WHERE value NOT IN ('doctor-busy', 'patient-busy')
    )
)"""
THIS_CLINIC = "(SELECT nullif(current_setting('clinicflow.clinic', true), '')::uuid)"


def upgrade() -> None:
    kind = _Kinds(op.get_bind().dialect.name)
    on_postgresql = kind.dialect == "postgresql"

    for table in ("clinics", "doctors"):
        op.add_column(
            table,
            sa.Column(
                "scheduling_policy", kind.json, server_default="{}", nullable=False
            ),
        )
    op.add_column(
        "cancellations",
        sa.Column("late", sa.Boolean, server_default=sa.false(), nullable=False),
    )

    op.create_table(
        "dated_hours",
        kind.clinic("dated_hours"),
        sa.Column("doctor_id", kind.key, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        # The first of a day without any hours has neither start nor end.
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("start_time", sa.Time),
        sa.Column("end_time", sa.Time),
        sa.PrimaryKeyConstraint(
            "clinic_id", "doctor_id", "date", "position", name="pk_dated_hours"
        ),
        _within_clinic("dated_hours", "doctor_id", "doctors"),
        sa.CheckConstraint(
            "(start_time IS NULL) = (end_time IS NULL)",
            name=op.f("ck_dated_hours_both_or_neither"),
        ),
    )

    op.create_table(
        "time_off",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("time_off"),
        sa.Column("doctor_id", kind.key, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("start_time", sa.Time, nullable=False),
        sa.Column("end_date", sa.Date, nullable=False),
        sa.Column("end_time", sa.Time, nullable=False),
        sa.Column("reason", sa.Text),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_time_off"),
        _within_clinic("time_off", "doctor_id", "doctors"),
        sa.CheckConstraint(
            "start_date < end_date OR start_date = end_date AND start_time < end_time",
            name=op.f("ck_time_off_span"),
        ),
    )
    op.create_index(
        "ix_time_off_doctor", "time_off", ["clinic_id", "doctor_id", "end_date"]
    )

    op.create_table(
        "appointment_series",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("appointment_series"),
        sa.Column("doctor_id", kind.key, nullable=False),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("rrule", sa.String(255), nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("start_time", sa.Time, nullable=False),
        sa.Column("duration", sa.Integer, nullable=False),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_appointment_series"),
        _within_clinic("appointment_series", "doctor_id", "doctors"),
        _within_clinic("appointment_series", "patient_id", "patients"),
        sa.CheckConstraint(
            "duration BETWEEN 1 AND 1440", name=op.f("ck_appointment_series_duration")
        ),
    )
    op.create_index(
        "ix_appointment_series_patient",
        "appointment_series",
        ["clinic_id", "patient_id"],
    )

    op.create_table(
        "waitlist",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("waitlist"),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("doctor_id", kind.key),
        sa.Column("duration", sa.Integer),
        sa.Column("visit_type", sa.String(20)),
        sa.Column("visit_category", sa.String(20)),
        sa.Column("first_date", sa.Date, nullable=False),
        sa.Column("last_date", sa.Date, nullable=False),
        sa.Column("weekdays", kind.texts, nullable=False),
        sa.Column("earliest", sa.Time),
        sa.Column("latest", sa.Time),
        sa.Column("urgent", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("status", sa.String(20), server_default="waiting", nullable=False),
        sa.Column("appointment_id", kind.key),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("created_at"),
        kind.instant_now("updated_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_waitlist"),
        _within_clinic("waitlist", "patient_id", "patients"),
        _within_clinic("waitlist", "doctor_id", "doctors"),
        _within_clinic("waitlist", "appointment_id", "appointments"),
        _one_of("waitlist", "visit_type", "in-clinic", "virtual"),
        _one_of("waitlist", "visit_category", "new-patient", "follow-up"),
        _one_of("waitlist", "status", "waiting", "offered", "booked", "withdrawn"),
        sa.CheckConstraint(
            "duration BETWEEN 1 AND 1440", name=op.f("ck_waitlist_duration")
        ),
        sa.CheckConstraint("first_date <= last_date", name=op.f("ck_waitlist_dates")),
    )
    op.create_index(
        "ix_waitlist_status",
        "waitlist",
        ["clinic_id", "status", "created_at", "id"],
    )
    op.create_index("ix_waitlist_patient", "waitlist", ["clinic_id", "patient_id"])

    op.create_table(
        "waitlist_offers",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("waitlist_offers"),
        sa.Column("waitlist_id", kind.key, nullable=False),
        sa.Column("doctor_id", kind.key, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("start_time", sa.Time, nullable=False),
        sa.Column("end_time", sa.Time, nullable=False),
        sa.Column("duration", sa.Integer, nullable=False),
        sa.Column("starts_at", kind.instant, nullable=False),
        sa.Column("ends_at", kind.instant, nullable=False),
        sa.Column("expires_at", kind.instant, nullable=False),
        sa.Column("outcome", sa.String(20), server_default="open", nullable=False),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_waitlist_offers"),
        _within_clinic("waitlist_offers", "waitlist_id", "waitlist"),
        _within_clinic("waitlist_offers", "doctor_id", "doctors"),
        _one_of(
            "waitlist_offers",
            "outcome",
            "open",
            "accepted",
            "declined",
            "expired",
            "withdrawn",
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_waitlist_offers_span")),
    )
    op.create_index(
        "ix_waitlist_offers_waitlist_id",
        "waitlist_offers",
        ["clinic_id", "waitlist_id"],
    )
    is_open = sa.text("outcome = 'open'")
    for name, columns, unique in (
        ("uq_waitlist_offers_open", ["clinic_id", "waitlist_id"], True),
        ("ix_waitlist_offers_expires_at", ["clinic_id", "expires_at"], False),
    ):
        op.create_index(
            name,
            "waitlist_offers",
            columns,
            unique=unique,
            sqlite_where=is_open,
            postgresql_where=is_open,
        )

    _drop_walls(on_postgresql)
    op.add_column("appointments", sa.Column("series_id", kind.key))
    op.add_column(
        "appointments",
        sa.Column("times_moved", sa.Integer, server_default="0", nullable=False),
    )
    op.add_column("appointments", sa.Column("offered_until", kind.instant))
    for person in PEOPLE:
        op.add_column(
            "appointments",
            sa.Column(
                f"shares_{person}",
                sa.Boolean,
                server_default=sa.false(),
                nullable=False,
            ),
        )
    # Whoever was overbooked so far kept nobody's time, and must not begin to, with
    # the next step of the visit either: its override says from now on whose it shares.
    both = BOTH_ON_POSTGRESQL if on_postgresql else BOTH_ON_SQLITE
    _change_rows(
        "UPDATE appointments SET shares_doctor = true, shares_patient = true, "
        f"override_conflicts = {both} WHERE overbooked",
        on_postgresql,
    )
    op.drop_column("appointments", "holds_time")
    op.drop_column("appointments", "overbooked")
    for person in PEOPLE:
        op.add_column(
            "appointments",
            sa.Column(
                f"holds_{person}",
                sa.Boolean,
                # SQLite adds none that it stores.
                sa.Computed(
                    f"{TAKES_TIME} AND NOT shares_{person}", persisted=on_postgresql
                ),
            ),
        )
    is_in_one = sa.text("series_id IS NOT NULL")
    op.create_index(
        "ix_appointments_series",
        "appointments",
        ["clinic_id", "series_id"],
        sqlite_where=is_in_one,
        postgresql_where=is_in_one,
    )
    _build_walls(on_postgresql, {person: f"holds_{person}" for person in PEOPLE})
    if on_postgresql:
        op.create_foreign_key(
            "fk_appointments_clinic_id_series_id",
            "appointments",
            "appointment_series",
            ["clinic_id", "series_id"],
            ["clinic_id", "id"],
        )
        _keep_clinics_apart_on_postgresql()
    else:
        _refuse_strange_series_on_sqlite()


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    _drop_walls(on_postgresql)
    if on_postgresql:
        op.drop_constraint("fk_appointments_clinic_id_series_id", "appointments")
    else:
        for event in ("insert", "update"):
            op.execute(f"DROP TRIGGER fk_appointments_series_id_{event}")
    # What was only offered is no visit.
    _change_rows(
        "DELETE FROM appointments WHERE offered_until IS NOT NULL", on_postgresql
    )
    op.drop_index("ix_appointments_series", "appointments")
    op.add_column(
        "appointments",
        sa.Column("overbooked", sa.Boolean, server_default=sa.false(), nullable=False),
    )
    _change_rows(
        "UPDATE appointments SET overbooked = true "
        "WHERE shares_doctor OR shares_patient",
        on_postgresql,
    )
    for person in PEOPLE:
        op.drop_column("appointments", f"holds_{person}")
        op.drop_column("appointments", f"shares_{person}")
    for column in ("offered_until", "times_moved", "series_id"):
        op.drop_column("appointments", column)
    op.add_column(
        "appointments",
        sa.Column(
            "holds_time", sa.Boolean, sa.Computed(HOLDS_TIME, persisted=on_postgresql)
        ),
    )
    _build_walls(on_postgresql, dict.fromkeys(PEOPLE, "holds_time"))
    for table in reversed(ADDED):
        op.drop_table(table)
    op.drop_column("cancellations", "late")
    for table in ("doctors", "clinics"):
        op.drop_column(table, "scheduling_policy")


def _change_rows(statement: str, on_postgresql: bool) -> None:
    # Else an owner who is no superuser changes none.
    if on_postgresql:
        op.execute("ALTER TABLE appointments NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    if on_postgresql:
        op.execute("ALTER TABLE appointments FORCE ROW LEVEL SECURITY")


def _drop_walls(on_postgresql: bool) -> None:
    for person in PEOPLE:
        if on_postgresql:
            op.drop_constraint(f"ex_appointments_{person}", "appointments")
        else:
            for event in ("insert", "update"):
                op.execute(f"DROP TRIGGER ex_appointments_{person}_{event}")


def _build_walls(on_postgresql: bool, holds: dict[str, str]) -> None:
    """The last wall against double booking, for each of the people."""
    for person in PEOPLE:
        if on_postgresql:
            op.execute(
                f"""
                ALTER TABLE appointments
                ADD CONSTRAINT ex_appointments_{person} EXCLUDE USING gist (
                    clinic_id WITH =,
                    {person}_id WITH =,
                    tstzrange(starts_at, ends_at) WITH &&
                ) WHERE ({holds[person]})
                """
            )
            continue
        for event in ("INSERT", "UPDATE"):
            op.execute(
                f"""
                CREATE TRIGGER ex_appointments_{person}_{event.lower()}
                AFTER {event} ON appointments
                WHEN NEW.{holds[person]} AND EXISTS (
                    SELECT 1 FROM appointments AS other
                    WHERE other.clinic_id = NEW.clinic_id
                    AND other.{person}_id = NEW.{person}_id
                    AND other.starts_at < NEW.ends_at
                    AND other.starts_at > strftime(
                        '%Y-%m-%dT%H:%M:%S', NEW.starts_at, '-1 day', '-1 second'
                    )
                    AND other.ends_at > NEW.starts_at
                    AND other.{holds[person]}
                    AND other.id <> NEW.id
                )
                BEGIN
                    SELECT RAISE(ABORT, 'ex_appointments_{person}');
                END
                """
            )


def _refuse_strange_series_on_sqlite() -> None:
    """The foreign key that SQLite cannot add to a table that is there."""
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"""
            CREATE TRIGGER fk_appointments_series_id_{event.lower()}
            AFTER {event} ON appointments
            WHEN NEW.series_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM appointment_series AS series
                WHERE series.clinic_id = NEW.clinic_id
                AND series.id = NEW.series_id
            )
            BEGIN
                SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed');
            END
            """
        )


def _keep_clinics_apart_on_postgresql() -> None:
    for table in ADDED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        own = f"clinic_id = {THIS_CLINIC}"
        op.execute(
            f"CREATE POLICY own_clinic ON {table} USING ({own}) WITH CHECK ({own})"
        )


class _Kinds:
    """The column types of one database."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        if dialect == "postgresql":
            self.key: sa.types.TypeEngine = sa.Uuid()
            self.instant: sa.types.TypeEngine = sa.DateTime(timezone=True)
            self.json: sa.types.TypeEngine = JSONB()
            self.texts: sa.types.TypeEngine = ARRAY(sa.Text)
            self.now = sa.text("CURRENT_TIMESTAMP")
        else:
            self.key = sa.String(36)
            self.instant = sa.String(32)
            self.json = sa.JSON()
            self.texts = sa.JSON()
            self.now = sa.text("(strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'))")

    def clinic(self, table: str) -> sa.Column:
        return sa.Column(
            "clinic_id",
            self.key,
            sa.ForeignKey("clinics.id", name=f"fk_{table}_clinic_id"),
            nullable=False,
        )

    def instant_now(self, name: str) -> sa.Column:
        return sa.Column(name, self.instant, server_default=self.now, nullable=False)


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(
        f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}")
    )


def _within_clinic(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["clinic_id", column],
        [f"{to}.clinic_id", f"{to}.id"],
        name=f"fk_{table}_clinic_id_{column}",
    )
