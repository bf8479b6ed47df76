"""
The tables, as the migrations make them.

What only the database needs (defaults, exclusion constraints, triggers) stands in
the migrations alone. A test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    text,
)

from clinicflow_core.sql.types import Json, JsonOrNull, Key, TextList, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

TAKES_TIME = "status IN ('unconfirmed', 'confirmed', 'completed')"


def _clinic() -> Column[object]:
    return Column("clinic_id", Key, ForeignKey("clinics.id"), nullable=False)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _within_clinic(
    column: str, table: str, *, use_alter: bool = False
) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["clinic_id", column],
        [f"{table}.clinic_id", f"{table}.id"],
        use_alter=use_alter,
    )


def _key() -> PrimaryKeyConstraint:
    return PrimaryKeyConstraint("clinic_id", "id")


clinics = Table(
    "clinics",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("timezone", String(50), nullable=False),
    Column("clinic_type", String(50)),
    Column("clinic_size", String(20)),
    Column("clinic_metadata", Json, nullable=False),
    Column("ai_summaries", Boolean, nullable=False),
    Column("scheduling_policy", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _one_of("clinic_size", "solo", "2-5", "6-10", "10plus"),
)

users = Table(
    "users",
    metadata,
    Column("id", Key, primary_key=True),
    _clinic(),
    Column("doctor_id", Key),
    Column("email", String(255), nullable=False),
    Column("email_key", String(255), nullable=False),
    Column("password_hash", String(255)),
    Column("google_id", String(255)),
    Column("name", String(255), nullable=False),
    Column("role", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("clinic_id", "id"),
    UniqueConstraint("email_key"),
    _within_clinic("doctor_id", "doctors"),
    _one_of("role", "admin", "doctor", "owner"),
    CheckConstraint(
        "password_hash IS NOT NULL OR google_id IS NOT NULL", name="can_sign_in"
    ),
    Index("ix_users_email", "email", unique=True),
    Index("ix_users_google_id", "google_id", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Key, primary_key=True),
    _clinic(),
    Column("user_id", Key, nullable=False),
    Column("refresh_id", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    _within_clinic("user_id", "users"),
    Index("ix_sessions_clinic_id_user_id", "clinic_id", "user_id"),
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("blocked_until", UtcDateTime),
    Column("succeeded_at", UtcDateTime),
    Index("ix_sign_in_tries_last_at", "last_at"),
)

doctors = Table(
    "doctors",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("user_id", Key),
    Column("name", String(255), nullable=False),
    Column("initials", String(10)),
    Column("specialty", String(100)),
    Column("color", String(20)),
    Column("scheduling_policy", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("user_id", "users", use_alter=True),
)

working_hours = Table(
    "working_hours",
    metadata,
    _clinic(),
    Column("doctor_id", Key, nullable=False),
    Column("weekday", String(10), nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    PrimaryKeyConstraint("clinic_id", "doctor_id", "weekday", "start_time"),
    _within_clinic("doctor_id", "doctors"),
    _one_of(
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

dated_hours = Table(
    "dated_hours",
    metadata,
    _clinic(),
    Column("doctor_id", Key, nullable=False),
    Column("date", Date, nullable=False),
    Column("position", Integer, nullable=False),
    Column("start_time", Time),
    Column("end_time", Time),
    PrimaryKeyConstraint("clinic_id", "doctor_id", "date", "position"),
    _within_clinic("doctor_id", "doctors"),
    CheckConstraint(
        "(start_time IS NULL) = (end_time IS NULL)", name="both_or_neither"
    ),
)

time_off = Table(
    "time_off",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("doctor_id", Key, nullable=False),
    Column("start_date", Date, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_date", Date, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("doctor_id", "doctors"),
    CheckConstraint(
        "start_date < end_date OR start_date = end_date AND start_time < end_time",
        name="span",
    ),
    Index("ix_time_off_doctor", "clinic_id", "doctor_id", "end_date"),
)

patients = Table(
    "patients",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("first_name", String(100), nullable=False),
    Column("last_name", String(100), nullable=False),
    Column("email", String(255)),
    Column("phone", String(20)),
    Column("date_of_birth", Date),
    Column("search_text", Text, nullable=False),
    Column("birth_key", String(20)),
    Column("sound_key", String(20)),
    Column("spelling_key", String(20)),
    Column("merged_into_id", Key),
    Column("erased_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("merged_into_id", "patients"),
    CheckConstraint("merged_into_id <> id", name="merged_into_id"),
    Index("ix_patients_birth_key", "clinic_id", "birth_key", "id"),
    Index("ix_patients_sound_key", "clinic_id", "sound_key", "id"),
    Index("ix_patients_spelling_key", "clinic_id", "spelling_key", "id"),
    Index(
        "ix_patients_merged_into_id",
        "clinic_id",
        "merged_into_id",
        sqlite_where=text("merged_into_id IS NOT NULL"),
        postgresql_where=text("merged_into_id IS NOT NULL"),
    ),
)

appointment_series = Table(
    "appointment_series",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("doctor_id", Key, nullable=False),
    Column("patient_id", Key, nullable=False),
    Column("rrule", String(255), nullable=False),
    Column("date", Date, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("doctor_id", "doctors"),
    _within_clinic("patient_id", "patients"),
    CheckConstraint("duration BETWEEN 1 AND 1440", name="duration"),
    Index("ix_appointment_series_patient", "clinic_id", "patient_id"),
)

appointments = Table(
    "appointments",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("doctor_id", Key, nullable=False),
    Column("patient_id", Key, nullable=False),
    Column("date", Date, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("visit_type", String(20)),
    Column("visit_category", String(20)),
    Column("status", String(20), nullable=False),
    Column("intake_status", String(20), nullable=False),
    Column("arrived", Boolean, nullable=False),
    Column("arrived_at", UtcDateTime),
    Column("meeting_link", String(500)),
    Column("override_reason", String(500)),
    Column("override_conflicts", TextList),
    Column("override_by_id", Key),
    Column("series_id", Key),
    Column("times_moved", Integer, nullable=False),
    Column("offered_until", UtcDateTime),
    Column("shares_doctor", Boolean, nullable=False),
    Column("shares_patient", Boolean, nullable=False),
    Column("holds_doctor", Boolean, Computed(f"{TAKES_TIME} AND NOT shares_doctor")),
    Column("holds_patient", Boolean, Computed(f"{TAKES_TIME} AND NOT shares_patient")),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("doctor_id", "doctors"),
    _within_clinic("patient_id", "patients"),
    _within_clinic("override_by_id", "users"),
    _within_clinic("series_id", "appointment_series"),
    _one_of("visit_type", "in-clinic", "virtual"),
    _one_of("visit_category", "new-patient", "follow-up"),
    _one_of("status", "confirmed", "unconfirmed", "cancelled", "completed", "no-show"),
    _one_of("intake_status", "missing", "sent", "completed"),
    CheckConstraint("duration BETWEEN 1 AND 1440", name="duration"),
    CheckConstraint("starts_at < ends_at", name="span"),
    Index("idx_appointments_clinic_date", "clinic_id", "date"),
    Index("idx_appointments_doctor_date", "doctor_id", "date"),
    Index("idx_appointments_patient", "patient_id"),
    Index("ix_appointments_doctor_span", "clinic_id", "doctor_id", "starts_at"),
    Index("ix_appointments_patient_span", "clinic_id", "patient_id", "starts_at"),
    Index("ix_appointments_starts_at", "clinic_id", "starts_at", "id"),
    Index(
        "ix_appointments_series",
        "clinic_id",
        "series_id",
        sqlite_where=text("series_id IS NOT NULL"),
        postgresql_where=text("series_id IS NOT NULL"),
    ),
)

cancellations = Table(
    "cancellations",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("appointment_id", Key, nullable=False),
    Column("patient_id", Key, nullable=False),
    Column("cancelled_by_id", Key),
    Column("cancellation_type", String(30), nullable=False),
    Column("reason_note", Text),
    Column("late", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("appointment_id", "appointments"),
    _within_clinic("patient_id", "patients"),
    _within_clinic("cancelled_by_id", "users"),
    _one_of(
        "cancellation_type",
        "patient-cancelled",
        "no-show",
        "rescheduled-externally",
        "clinic-cancelled",
        "other",
    ),
    Index("ix_cancellations_clinic_id_appointment_id", "clinic_id", "appointment_id"),
)

waitlist = Table(
    "waitlist",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("patient_id", Key, nullable=False),
    Column("doctor_id", Key),
    Column("duration", Integer),
    Column("visit_type", String(20)),
    Column("visit_category", String(20)),
    Column("first_date", Date, nullable=False),
    Column("last_date", Date, nullable=False),
    Column("weekdays", TextList, nullable=False),
    Column("earliest", Time),
    Column("latest", Time),
    Column("urgent", Boolean, nullable=False),
    Column("note", Text),
    Column("status", String(20), nullable=False),
    Column("appointment_id", Key),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("patient_id", "patients"),
    _within_clinic("doctor_id", "doctors"),
    _within_clinic("appointment_id", "appointments"),
    _one_of("visit_type", "in-clinic", "virtual"),
    _one_of("visit_category", "new-patient", "follow-up"),
    _one_of("status", "waiting", "offered", "booked", "withdrawn"),
    CheckConstraint("duration BETWEEN 1 AND 1440", name="duration"),
    CheckConstraint("first_date <= last_date", name="dates"),
    Index("ix_waitlist_status", "clinic_id", "status", "created_at", "id"),
    Index("ix_waitlist_patient", "clinic_id", "patient_id"),
)

_is_open = text("outcome = 'open'")
waitlist_offers = Table(
    "waitlist_offers",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("waitlist_id", Key, nullable=False),
    Column("doctor_id", Key, nullable=False),
    Column("date", Date, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("waitlist_id", "waitlist"),
    _within_clinic("doctor_id", "doctors"),
    _one_of("outcome", "open", "accepted", "declined", "expired", "withdrawn"),
    CheckConstraint("starts_at < ends_at", name="span"),
    Index("ix_waitlist_offers_waitlist_id", "clinic_id", "waitlist_id"),
    Index(
        "uq_waitlist_offers_open",
        "clinic_id",
        "waitlist_id",
        unique=True,
        sqlite_where=_is_open,
        postgresql_where=_is_open,
    ),
    Index(
        "ix_waitlist_offers_expires_at",
        "clinic_id",
        "expires_at",
        sqlite_where=_is_open,
        postgresql_where=_is_open,
    ),
)

questionnaires = Table(
    "questionnaires",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("name", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", String(500), nullable=False),
    Column("definition", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _key(),
    UniqueConstraint("clinic_id", "name", "version"),
)

_is_current_form = text("revoked_at IS NULL")
intake_forms = Table(
    "intake_forms",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("patient_id", Key, nullable=False),
    Column("appointment_id", Key),
    Column("questionnaire_id", Key),
    Column("raw_answers", Json, nullable=False),
    Column("draft", JsonOrNull),
    Column("dropped", TextList, nullable=False),
    Column("status", String(20), nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("reviewed_at", UtcDateTime),
    Column("reviewed_by_id", Key),
    Column("revoked_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    _key(),
    _within_clinic("patient_id", "patients"),
    _within_clinic("appointment_id", "appointments"),
    _within_clinic("questionnaire_id", "questionnaires"),
    _within_clinic("reviewed_by_id", "users"),
    _one_of("status", "pending", "submitted", "reviewed"),
    Index(
        "uq_intake_forms_appointment",
        "clinic_id",
        "appointment_id",
        unique=True,
        sqlite_where=_is_current_form,
        postgresql_where=_is_current_form,
    ),
    Index("ix_intake_forms_created_at", "clinic_id", "created_at", "id"),
    Index("ix_intake_forms_patient", "clinic_id", "patient_id"),
)

intake_links = Table(
    "intake_links",
    metadata,
    _clinic(),
    Column("token_hash", String(64), nullable=False),
    Column("form_id", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("receipt", String(64)),
    Column("birth_date_tries", Integer, nullable=False),
    PrimaryKeyConstraint("clinic_id", "token_hash"),
    _within_clinic("form_id", "intake_forms"),
    Index("ix_intake_links_form", "clinic_id", "form_id"),
)

_is_current_summary = text("superseded_at IS NULL")
ai_intake_summaries = Table(
    "ai_intake_summaries",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("patient_id", Key, nullable=False),
    Column("appointment_id", Key),
    Column("intake_form_id", Key, nullable=False),
    Column("summary_text", Text, nullable=False),
    Column("patient_concerns", TextList),
    Column("medications", TextList),
    Column("allergies", TextList),
    Column("key_notes", Text),
    Column("digest", Json, nullable=False),
    Column("machine", JsonOrNull),
    Column("dropped", Json, nullable=False),
    Column("failure", JsonOrNull),
    Column("model_version", String(50), nullable=False),
    Column("status", String(20), nullable=False),
    Column("generated_at", UtcDateTime, nullable=False),
    Column("signed_at", UtcDateTime),
    Column("signed_by_id", Key),
    Column("superseded_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    _key(),
    _within_clinic("patient_id", "patients"),
    _within_clinic("appointment_id", "appointments"),
    _within_clinic("intake_form_id", "intake_forms"),
    _within_clinic("signed_by_id", "users"),
    _one_of("status", "generating", "generated", "failed", "edited"),
    Index(
        "uq_ai_intake_summaries_appointment",
        "clinic_id",
        "appointment_id",
        unique=True,
        sqlite_where=_is_current_summary,
        postgresql_where=_is_current_summary,
    ),
    Index(
        "uq_ai_intake_summaries_form",
        "clinic_id",
        "intake_form_id",
        unique=True,
        sqlite_where=_is_current_summary,
        postgresql_where=_is_current_summary,
    ),
    Index("ix_ai_intake_summaries_form", "clinic_id", "intake_form_id"),
    Index("ix_ai_intake_summaries_patient", "clinic_id", "patient_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("number", BigInteger, nullable=False),
    Column("kind", String(50), nullable=False),
    Column("record_id", Key, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(50), nullable=False),
    Column("user_id", Key),
    Column("reason", Text),
    Column("request_id", String(64)),
    Column("facts", Json, nullable=False),
    Column("position", Integer, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    _key(),
    UniqueConstraint("number"),
    UniqueConstraint("clinic_id", "record_id", "position"),
    _within_clinic("user_id", "users"),
    Index("ix_events_clinic_id_number", "clinic_id", "number"),
)

_is_to_do = text("done_at IS NULL AND dead_at IS NULL")
outbox = Table(
    "outbox",
    metadata,
    Column("id", Key, nullable=False),
    _clinic(),
    Column("kind", String(50), nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("dead_at", UtcDateTime),
    Column("revived_after", Integer, nullable=False),
    Column("error", String(50)),
    _key(),
    _within_clinic("id", "events"),
    Index("ix_outbox_available_at", "available_at"),
    Index(
        "ix_outbox_to_do",
        "clinic_id",
        "kind",
        "available_at",
        sqlite_where=_is_to_do,
        postgresql_where=_is_to_do,
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _clinic(),
    Column("actor", String(50), nullable=False),
    Column("key", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("answer", Json),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("clinic_id", "actor", "key"),
)

origins = Table(
    "origins",
    metadata,
    _clinic(),
    Column("kind", String(20), nullable=False),
    Column("key", String(255), nullable=False),
    Column("record_id", Key, nullable=False),
    PrimaryKeyConstraint("clinic_id", "kind", "key"),
)
