"""
The record: clinics, accounts, doctors, patients, appointments, intake, and the
tables behind them.

A released migration is never changed. It names what it makes, imports nothing
from ClinicFlow, and can be undone. Work that locks a table for long goes into a
migration of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HOLDS_TIME = "status IN ('unconfirmed', 'confirmed', 'completed') AND NOT overbooked"

# Those whose rows belong to a clinic.
OF_A_CLINIC = (
    "doctors",
    "users",
    "sessions",
    "working_hours",
    "patients",
    "appointments",
    "cancellations",
    "intake_forms",
    "ai_intake_summaries",
    "events",
    "outbox",
    "idempotency_keys",
    "origins",
)

# Once a transaction that set it has ended, it is '' and not NULL: that is nobody.
THIS_CLINIC = "(SELECT nullif(current_setting('clinicflow.clinic', true), '')::uuid)"
AT_THE_ENTRANCE = "(SELECT current_setting('clinicflow.entrance', true) = 'on')"


def upgrade() -> None:
    kind = _Kinds(op.get_bind().dialect.name)
    on_postgresql = kind.dialect == "postgresql"
    if on_postgresql:
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")

    op.create_table(
        "clinics",
        sa.Column("id", kind.key, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column(
            "timezone",
            sa.String(50),
            server_default="America/New_York",
            nullable=False,
        ),
        sa.Column("clinic_type", sa.String(50)),
        sa.Column("clinic_size", sa.String(20)),
        sa.Column("clinic_metadata", kind.json, server_default="{}", nullable=False),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("created_at"),
        kind.instant_now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_clinics"),
        _one_of("clinics", "clinic_size", "solo", "2-5", "6-10", "10plus"),
    )

    # doctors and users point at each other. SQLite takes a key to a table that is
    # still to come and cannot add one later; PostgreSQL is the other way round.
    account = _within_clinic("doctors", "user_id", "users")
    op.create_table(
        "doctors",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("doctors"),
        sa.Column("user_id", kind.key),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("initials", sa.String(10)),
        sa.Column("specialty", sa.String(100)),
        sa.Column("color", sa.String(20)),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_doctors"),
        *([] if on_postgresql else [account]),
    )

    op.create_table(
        "users",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("users"),
        sa.Column("doctor_id", kind.key),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("email_key", sa.String(255), nullable=False),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("google_id", sa.String(255)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), server_default="active", nullable=False),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("created_at"),
        kind.instant_now("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("clinic_id", "id", name="uq_users_clinic_id_id"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
        _within_clinic("users", "doctor_id", "doctors"),
        _one_of("users", "role", "admin", "doctor", "owner"),
        sa.CheckConstraint(
            "password_hash IS NOT NULL OR google_id IS NOT NULL",
            name=op.f("ck_users_can_sign_in"),
        ),
    )
    op.create_index("ix_users_email", "users", ["email"], unique=True)
    op.create_index("ix_users_google_id", "users", ["google_id"], unique=True)
    if on_postgresql:
        op.create_foreign_key(
            "fk_doctors_clinic_id_user_id",
            "doctors",
            "users",
            ["clinic_id", "user_id"],
            ["clinic_id", "id"],
        )

    op.create_table(
        "sessions",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("sessions"),
        sa.Column("user_id", kind.key, nullable=False),
        sa.Column("refresh_id", kind.key, nullable=False),
        kind.instant_now("created_at"),
        sa.Column("expires_at", kind.instant, nullable=False),
        sa.Column("ended_at", kind.instant),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        _within_clinic("sessions", "user_id", "users"),
    )
    op.create_index(
        "ix_sessions_clinic_id_user_id", "sessions", ["clinic_id", "user_id"]
    )

    op.create_table(
        "sign_in_tries",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", kind.instant, nullable=False),
        sa.Column("blocked_until", kind.instant),
        sa.Column("succeeded_at", kind.instant),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_tries"),
    )
    op.create_index("ix_sign_in_tries_last_at", "sign_in_tries", ["last_at"])

    op.create_table(
        "working_hours",
        kind.clinic("working_hours"),
        sa.Column("doctor_id", kind.key, nullable=False),
        sa.Column("weekday", sa.String(10), nullable=False),
        sa.Column("start_time", sa.Time, nullable=False),
        sa.Column("end_time", sa.Time, nullable=False),
        sa.PrimaryKeyConstraint(
            "clinic_id", "doctor_id", "weekday", "start_time", name="pk_working_hours"
        ),
        _within_clinic("working_hours", "doctor_id", "doctors"),
        _one_of(
            "working_hours",
            "weekday",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ),
    )

    op.create_table(
        "patients",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("patients"),
        sa.Column("first_name", sa.String(100), nullable=False),
        sa.Column("last_name", sa.String(100), nullable=False),
        sa.Column("email", sa.String(255)),
        sa.Column("phone", sa.String(20)),
        sa.Column("date_of_birth", sa.Date),
        sa.Column("search_text", sa.Text, server_default="", nullable=False),
        sa.Column("birth_key", sa.String(20)),
        sa.Column("sound_key", sa.String(20)),
        sa.Column("spelling_key", sa.String(20)),
        sa.Column("merged_into_id", kind.key),
        sa.Column("erased_at", kind.instant),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("created_at"),
        kind.instant_now("updated_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_patients"),
        _within_clinic("patients", "merged_into_id", "patients"),
        sa.CheckConstraint(
            "merged_into_id <> id", name=op.f("ck_patients_merged_into_id")
        ),
    )
    for key in ("birth_key", "sound_key", "spelling_key"):
        op.create_index(f"ix_patients_{key}", "patients", ["clinic_id", key, "id"])
    is_merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index(
        "ix_patients_merged_into_id",
        "patients",
        ["clinic_id", "merged_into_id"],
        sqlite_where=is_merged,
        postgresql_where=is_merged,
    )

    op.create_table(
        "appointments",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("appointments"),
        sa.Column("doctor_id", kind.key, nullable=False),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("start_time", sa.Time, nullable=False),
        sa.Column("end_time", sa.Time, nullable=False),
        sa.Column("duration", sa.Integer, server_default="30", nullable=False),
        sa.Column("starts_at", kind.instant, nullable=False),
        sa.Column("ends_at", kind.instant, nullable=False),
        sa.Column("visit_type", sa.String(20)),
        sa.Column("visit_category", sa.String(20)),
        sa.Column(
            "status", sa.String(20), server_default="unconfirmed", nullable=False
        ),
        sa.Column(
            "intake_status", sa.String(20), server_default="missing", nullable=False
        ),
        sa.Column("arrived", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("arrived_at", kind.instant),
        sa.Column("meeting_link", sa.String(500)),
        sa.Column("override_reason", sa.String(500)),
        sa.Column("override_conflicts", kind.texts),
        sa.Column("override_by_id", kind.key),
        sa.Column("overbooked", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("holds_time", sa.Boolean, sa.Computed(HOLDS_TIME, persisted=True)),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("created_at"),
        kind.instant_now("updated_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_appointments"),
        _within_clinic("appointments", "doctor_id", "doctors"),
        _within_clinic("appointments", "patient_id", "patients"),
        _within_clinic("appointments", "override_by_id", "users"),
        _one_of("appointments", "visit_type", "in-clinic", "virtual"),
        _one_of("appointments", "visit_category", "new-patient", "follow-up"),
        _one_of(
            "appointments",
            "status",
            "confirmed",
            "unconfirmed",
            "cancelled",
            "completed",
            "no-show",
        ),
        _one_of("appointments", "intake_status", "missing", "sent", "completed"),
        sa.CheckConstraint(
            "duration BETWEEN 1 AND 1440", name=op.f("ck_appointments_duration")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_appointments_span")),
    )
    for name, columns in {
        "idx_appointments_clinic_date": ["clinic_id", "date"],
        "idx_appointments_doctor_date": ["doctor_id", "date"],
        "idx_appointments_patient": ["patient_id"],
        # Where nothing is known yet, PostgreSQL takes the last that will do.
        "ix_appointments_starts_at": ["clinic_id", "starts_at", "id"],
        "ix_appointments_doctor_span": ["clinic_id", "doctor_id", "starts_at"],
        "ix_appointments_patient_span": ["clinic_id", "patient_id", "starts_at"],
    }.items():
        op.create_index(name, "appointments", columns)
    if on_postgresql:
        _exclude_overlaps_on_postgresql()
    else:
        _abort_overlaps_on_sqlite()

    op.create_table(
        "cancellations",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("cancellations"),
        sa.Column("appointment_id", kind.key, nullable=False),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("cancelled_by_id", kind.key),
        sa.Column("cancellation_type", sa.String(30), nullable=False),
        sa.Column("reason_note", sa.Text),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_cancellations"),
        _within_clinic("cancellations", "appointment_id", "appointments"),
        _within_clinic("cancellations", "patient_id", "patients"),
        _within_clinic("cancellations", "cancelled_by_id", "users"),
        _one_of(
            "cancellations",
            "cancellation_type",
            "patient-cancelled",
            "no-show",
            "rescheduled-externally",
            "clinic-cancelled",
            "other",
        ),
    )
    op.create_index(
        "ix_cancellations_clinic_id_appointment_id",
        "cancellations",
        ["clinic_id", "appointment_id"],
    )

    op.create_table(
        "intake_forms",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("intake_forms"),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("appointment_id", kind.key),
        sa.Column("raw_answers", kind.json, nullable=False),
        sa.Column("status", sa.String(20), server_default="pending", nullable=False),
        sa.Column("submitted_at", kind.instant),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_intake_forms"),
        _within_clinic("intake_forms", "patient_id", "patients"),
        _within_clinic("intake_forms", "appointment_id", "appointments"),
        _one_of("intake_forms", "status", "pending", "submitted", "reviewed"),
    )
    op.create_index(
        "uq_intake_forms_appointment",
        "intake_forms",
        ["clinic_id", "appointment_id"],
        unique=True,
    )

    op.create_table(
        "ai_intake_summaries",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("ai_intake_summaries"),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("appointment_id", kind.key, nullable=False),
        sa.Column("intake_form_id", kind.key, nullable=False),
        sa.Column("summary_text", sa.Text, nullable=False),
        sa.Column("patient_concerns", kind.texts),
        sa.Column("medications", kind.texts),
        sa.Column("allergies", kind.texts),
        sa.Column("key_notes", sa.Text),
        sa.Column(
            "model_version", sa.String(50), server_default="gpt-4", nullable=False
        ),
        sa.Column("status", sa.String(20), server_default="generated", nullable=False),
        kind.instant_now("generated_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_ai_intake_summaries"),
        _within_clinic("ai_intake_summaries", "patient_id", "patients"),
        _within_clinic("ai_intake_summaries", "appointment_id", "appointments"),
        _within_clinic("ai_intake_summaries", "intake_form_id", "intake_forms"),
        _one_of(
            "ai_intake_summaries",
            "status",
            "generating",
            "generated",
            "failed",
            "edited",
        ),
    )
    op.create_index(
        "uq_ai_intake_summaries_appointment",
        "ai_intake_summaries",
        ["clinic_id", "appointment_id"],
        unique=True,
    )

    op.create_table(
        "events",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("events"),
        # SQLite's writers come one after another: the insert counts by itself.
        sa.Column(
            "number",
            sa.BigInteger,
            *([sa.Identity()] if on_postgresql else []),
            nullable=False,
        ),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("record_id", kind.key, nullable=False),
        kind.instant_now("at"),
        sa.Column("actor", sa.String(50), nullable=False),
        sa.Column("user_id", kind.key),
        sa.Column("reason", sa.Text),
        sa.Column("request_id", sa.String(64)),
        sa.Column("facts", kind.json, server_default="{}", nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_events"),
        sa.UniqueConstraint("number", name="uq_events_number"),
        sa.UniqueConstraint(
            "clinic_id",
            "record_id",
            "position",
            name="uq_events_clinic_id_record_id_position",
        ),
        _within_clinic("events", "user_id", "users"),
    )
    op.create_index("ix_events_clinic_id_number", "events", ["clinic_id", "number"])
    if not on_postgresql:
        _refuse_to_change_events_on_sqlite()

    op.create_table(
        "outbox",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("outbox"),
        sa.Column("kind", sa.String(50), nullable=False),
        kind.instant_now("available_at"),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("leased_until", kind.instant),
        sa.Column("done_at", kind.instant),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_outbox"),
        _within_clinic("outbox", "id", "events"),
    )
    op.create_index("ix_outbox_available_at", "outbox", ["available_at"])

    op.create_table(
        "idempotency_keys",
        kind.clinic("idempotency_keys"),
        sa.Column("actor", sa.String(50), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", kind.json),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint(
            "clinic_id", "actor", "key", name="pk_idempotency_keys"
        ),
    )

    op.create_table(
        "origins",
        kind.clinic("origins"),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("record_id", kind.key, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "kind", "key", name="pk_origins"),
    )
    if on_postgresql:
        _keep_clinics_apart_on_postgresql()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_doctors_clinic_id_user_id", "doctors")
    else:
        op.execute("UPDATE doctors SET user_id = NULL")
    for table in (
        "origins",
        "idempotency_keys",
        "outbox",
        "events",
        "ai_intake_summaries",
        "intake_forms",
        "cancellations",
        "appointments",
        "patients",
        "working_hours",
        "sessions",
        "sign_in_tries",
        "users",
        "doctors",
        "clinics",
    ):
        op.drop_table(table)


def _exclude_overlaps_on_postgresql() -> None:
    """The last wall against double booking. Ranges are `[)` and never empty."""
    op.execute(
        """
        ALTER TABLE appointments
        ADD CONSTRAINT ck_appointments_finite CHECK (
            isfinite(starts_at) AND isfinite(ends_at)
            AND ends_at - starts_at <= duration * interval '1 minute'
            AND ends_at - starts_at > (duration - 1) * interval '1 minute'
        )
        """
    )
    for person in ("doctor", "patient"):
        op.execute(
            f"""
            ALTER TABLE appointments
            ADD CONSTRAINT ex_appointments_{person} EXCLUDE USING gist (
                clinic_id WITH =,
                {person}_id WITH =,
                tstzrange(starts_at, ends_at) WITH &&
            ) WHERE (holds_time)
            """
        )


def _keep_clinics_apart_on_postgresql() -> None:
    """
    The last wall between clinics: a transaction sees and writes the one that it set.

    Subselects, so that a setting is looked up once a statement and not for each row.
    """
    for table in ("clinics", *OF_A_CLINIC):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        column = "id" if table == "clinics" else "clinic_id"
        own = f"{column} = {THIS_CLINIC}"
        op.execute(
            f"CREATE POLICY own_clinic ON {table} USING ({own}) WITH CHECK ({own})"
        )
    # Who signs in says neither clinic nor account; whatever is then written is
    # written in a clinic.
    for table in ("clinics", "users"):
        op.execute(
            f"CREATE POLICY entrance ON {table} FOR SELECT USING ({AT_THE_ENTRANCE})"
        )
    # A session is held before it is known whose it is, and changed in its clinic.
    op.execute(
        f"CREATE POLICY entrance ON sessions FOR SELECT USING ({AT_THE_ENTRANCE})"
    )
    op.execute(
        "CREATE POLICY entrance_holds ON sessions FOR UPDATE "
        f"USING ({AT_THE_ENTRANCE}) WITH CHECK (false)"
    )


def _refuse_to_change_events_on_sqlite() -> None:
    """What happened has happened. On PostgreSQL the service is not granted to."""
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"""
            CREATE TRIGGER events_are_kept_on_{event.lower()}
            BEFORE {event} ON events
            BEGIN
                SELECT RAISE(ABORT, 'events are only added');
            END
            """
        )


def _abort_overlaps_on_sqlite() -> None:
    """The last wall against double booking: writers come one after another here."""
    for person in ("doctor", "patient"):
        for event in ("INSERT", "UPDATE"):
            op.execute(
                f"""
                CREATE TRIGGER ex_appointments_{person}_{event.lower()}
                AFTER {event} ON appointments
                WHEN NEW.holds_time AND EXISTS (
                    SELECT 1 FROM appointments AS other
                    WHERE other.clinic_id = NEW.clinic_id
                    AND other.{person}_id = NEW.{person}_id
                    AND other.starts_at < NEW.ends_at
                    AND other.starts_at > strftime(
                        '%Y-%m-%dT%H:%M:%S', NEW.starts_at, '-1 day', '-1 second'
                    )
                    AND other.ends_at > NEW.starts_at
                    AND other.holds_time
                    AND other.id <> NEW.id
                )
                BEGIN
                    SELECT RAISE(ABORT, 'ex_appointments_{person}');
                END
                """
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
