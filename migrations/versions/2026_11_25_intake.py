"""
Intake: questionnaires, forms with links and drafts, summaries with their sources, and
jobs that are given up.

A released migration is never changed. It names what it makes, imports nothing
from ClinicFlow, and can be undone. Work that locks a table for long goes into a
migration of its own. On PostgreSQL a table with a clinic_id gets row-level security
and its policy, and one whose rows are changed is not forced meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ADDED = ("questionnaires", "intake_links")
IS_CURRENT_FORM = "revoked_at IS NULL"
IS_CURRENT_SUMMARY = "superseded_at IS NULL"
IS_TO_DO = "done_at IS NULL AND dead_at IS NULL"
FORMS = (
    "id, clinic_id, patient_id, appointment_id, raw_answers, status, submitted_at, "
    "created_at"
)
SUMMARIES = (
    "id, clinic_id, patient_id, appointment_id, intake_form_id, summary_text, "
    "patient_concerns, medications, allergies, key_notes, model_version, status, "
    "generated_at"
)
THIS_CLINIC = "(SELECT nullif(current_setting('clinicflow.clinic', true), '')::uuid)"


def upgrade() -> None:
    kind = _Kinds(op.get_bind().dialect.name)

    op.add_column(
        "clinics",
        sa.Column("ai_summaries", sa.Boolean, server_default=sa.true(), nullable=False),
    )
    op.create_table(
        "questionnaires",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("questionnaires"),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("definition", kind.json, nullable=False),
        kind.instant_now("created_at"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_questionnaires"),
        sa.UniqueConstraint(
            "clinic_id",
            "name",
            "version",
            name="uq_questionnaires_clinic_id_name_version",
        ),
    )
    if kind.on_postgresql:
        _widen_on_postgresql(kind)
    else:
        _widen_on_sqlite(kind)
    op.create_index(
        "ix_intake_forms_created_at", "intake_forms", ["clinic_id", "created_at", "id"]
    )
    op.create_index(
        "ix_intake_forms_patient", "intake_forms", ["clinic_id", "patient_id"]
    )
    op.create_table(
        "intake_links",
        kind.clinic("intake_links"),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("form_id", kind.key, nullable=False),
        kind.instant_now("created_at"),
        sa.Column("expires_at", kind.instant, nullable=False),
        sa.Column("revoked_at", kind.instant),
        sa.Column("receipt", sa.String(64)),
        sa.Column("birth_date_tries", sa.Integer, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "token_hash", name="pk_intake_links"),
        _within_clinic("intake_links", "form_id", "intake_forms"),
    )
    op.create_index("ix_intake_links_form", "intake_links", ["clinic_id", "form_id"])

    _leave_one_summary_to_each_form(kind)
    for name, column in (("appointment", "appointment_id"), ("form", "intake_form_id")):
        _create_unique_index(
            "ai_intake_summaries", name, column, where=IS_CURRENT_SUMMARY
        )
    op.create_index(
        "ix_ai_intake_summaries_form",
        "ai_intake_summaries",
        ["clinic_id", "intake_form_id"],
    )
    op.create_index(
        "ix_ai_intake_summaries_patient",
        "ai_intake_summaries",
        ["clinic_id", "patient_id"],
    )

    op.add_column("outbox", sa.Column("dead_at", kind.instant))
    op.add_column(
        "outbox",
        sa.Column("revived_after", sa.Integer, server_default="0", nullable=False),
    )
    op.add_column("outbox", sa.Column("error", sa.String(50)))
    op.create_index(
        "ix_outbox_to_do",
        "outbox",
        ["clinic_id", "kind", "available_at"],
        sqlite_where=sa.text(IS_TO_DO),
        postgresql_where=sa.text(IS_TO_DO),
    )
    if kind.on_postgresql:
        _keep_clinics_apart_on_postgresql()


def downgrade() -> None:
    kind = _Kinds(op.get_bind().dialect.name)

    op.drop_index("ix_outbox_to_do", "outbox")
    for column in ("error", "revived_after", "dead_at"):
        op.drop_column("outbox", column)
    op.drop_table("intake_links")
    # There is one form and one summary of a visit, and each summary has a visit.
    _change_rows(
        "intake_forms",
        "UPDATE intake_forms SET appointment_id = NULL WHERE revoked_at IS NOT NULL",
        kind,
    )
    _change_rows(
        "ai_intake_summaries",
        "DELETE FROM ai_intake_summaries "
        "WHERE superseded_at IS NOT NULL OR appointment_id IS NULL",
        kind,
    )
    if kind.on_postgresql:
        _narrow_on_postgresql()
    else:
        _narrow_on_sqlite(kind)
    for table in ("intake_forms", "ai_intake_summaries"):
        _create_unique_index(table, "appointment", "appointment_id")
    op.drop_table("questionnaires")
    op.drop_column("clinics", "ai_summaries")


def _widen_on_postgresql(kind: _Kinds) -> None:
    op.drop_index("uq_intake_forms_appointment", "intake_forms")
    for column in _new_columns_of_forms(kind):
        op.add_column("intake_forms", column)
    # Else it would be said of every form that it was changed just now.
    _change_rows(
        "intake_forms",
        "UPDATE intake_forms SET updated_at = coalesce(submitted_at, created_at)",
        kind,
    )
    for column, to in (
        ("questionnaire_id", "questionnaires"),
        ("reviewed_by_id", "users"),
    ):
        op.create_foreign_key(
            f"fk_intake_forms_clinic_id_{column}",
            "intake_forms",
            to,
            ["clinic_id", column],
            ["clinic_id", "id"],
        )
    _create_unique_index(
        "intake_forms", "appointment", "appointment_id", where=IS_CURRENT_FORM
    )

    op.drop_index("uq_ai_intake_summaries_appointment", "ai_intake_summaries")
    op.alter_column("ai_intake_summaries", "appointment_id", nullable=True)
    for column in _new_columns_of_summaries(kind):
        op.add_column("ai_intake_summaries", column)
    op.create_foreign_key(
        "fk_ai_intake_summaries_clinic_id_signed_by_id",
        "ai_intake_summaries",
        "users",
        ["clinic_id", "signed_by_id"],
        ["clinic_id", "id"],
    )
    _change_rows(
        "ai_intake_summaries",
        f"UPDATE ai_intake_summaries SET digest = {_digest_on_postgresql()}",
        kind,
    )


def _narrow_on_postgresql() -> None:
    op.drop_index("uq_ai_intake_summaries_appointment", "ai_intake_summaries")
    op.drop_index("uq_ai_intake_summaries_form", "ai_intake_summaries")
    op.drop_index("ix_ai_intake_summaries_form", "ai_intake_summaries")
    op.drop_index("ix_ai_intake_summaries_patient", "ai_intake_summaries")
    op.alter_column("ai_intake_summaries", "appointment_id", nullable=False)
    for column in (
        "version",
        "superseded_at",
        "signed_by_id",
        "signed_at",
        "failure",
        "dropped",
        "machine",
        "digest",
    ):
        op.drop_column("ai_intake_summaries", column)
    op.drop_index("uq_intake_forms_appointment", "intake_forms")
    op.drop_index("ix_intake_forms_created_at", "intake_forms")
    op.drop_index("ix_intake_forms_patient", "intake_forms")
    for column in (
        "updated_at",
        "version",
        "revoked_at",
        "reviewed_by_id",
        "reviewed_at",
        "dropped",
        "draft",
        "questionnaire_id",
    ):
        op.drop_column("intake_forms", column)


def _widen_on_sqlite(kind: _Kinds) -> None:
    """Make both tables anew: SQLite adds no key to a table, and takes no NOT NULL."""
    _put_aside_on_sqlite()
    _create_forms(kind, *_new_columns_of_forms(kind), *_new_keys_of_forms())
    op.execute(
        f"INSERT INTO intake_forms ({FORMS}, updated_at) "
        f"SELECT {FORMS}, coalesce(submitted_at, created_at) FROM kept_forms"
    )
    _create_unique_index(
        "intake_forms", "appointment", "appointment_id", where=IS_CURRENT_FORM
    )
    _create_summaries(
        kind,
        *_new_columns_of_summaries(kind),
        _within_clinic("ai_intake_summaries", "signed_by_id", "users"),
        visit_is_optional=True,
    )
    op.execute(
        f"INSERT INTO ai_intake_summaries ({SUMMARIES}, digest) "
        f"SELECT {SUMMARIES}, {_digest_on_sqlite()} FROM kept_summaries"
    )
    _drop_kept_on_sqlite()


def _narrow_on_sqlite(kind: _Kinds) -> None:
    _put_aside_on_sqlite()
    _create_forms(kind)
    op.execute(f"INSERT INTO intake_forms ({FORMS}) SELECT {FORMS} FROM kept_forms")
    _create_summaries(kind)
    op.execute(
        f"INSERT INTO ai_intake_summaries ({SUMMARIES}) "
        f"SELECT {SUMMARIES} FROM kept_summaries"
    )
    _drop_kept_on_sqlite()


def _put_aside_on_sqlite() -> None:
    op.execute("CREATE TABLE kept_forms AS SELECT * FROM intake_forms")
    op.execute("CREATE TABLE kept_summaries AS SELECT * FROM ai_intake_summaries")
    op.drop_table("ai_intake_summaries")
    op.drop_table("intake_forms")


def _drop_kept_on_sqlite() -> None:
    for table in ("kept_summaries", "kept_forms"):
        op.drop_table(table)


def _create_forms(kind: _Kinds, *added: sa.SchemaItem) -> None:
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
        *added,
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_intake_forms"),
        _within_clinic("intake_forms", "patient_id", "patients"),
        _within_clinic("intake_forms", "appointment_id", "appointments"),
        _one_of("intake_forms", "status", "pending", "submitted", "reviewed"),
    )


def _create_summaries(
    kind: _Kinds, *added: sa.SchemaItem, visit_is_optional: bool = False
) -> None:
    op.create_table(
        "ai_intake_summaries",
        sa.Column("id", kind.key, nullable=False),
        kind.clinic("ai_intake_summaries"),
        sa.Column("patient_id", kind.key, nullable=False),
        sa.Column("appointment_id", kind.key, nullable=visit_is_optional),
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
        *added,
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


def _new_columns_of_forms(kind: _Kinds) -> list[sa.Column]:
    return [
        sa.Column("questionnaire_id", kind.key),
        sa.Column("draft", kind.json),
        sa.Column("dropped", kind.texts, server_default=kind.no_texts, nullable=False),
        sa.Column("reviewed_at", kind.instant),
        sa.Column("reviewed_by_id", kind.key),
        sa.Column("revoked_at", kind.instant),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        kind.instant_now("updated_at"),
    ]


def _new_keys_of_forms() -> list[sa.ForeignKeyConstraint]:
    return [
        _within_clinic("intake_forms", "questionnaire_id", "questionnaires"),
        _within_clinic("intake_forms", "reviewed_by_id", "users"),
    ]


def _new_columns_of_summaries(kind: _Kinds) -> list[sa.Column]:
    return [
        sa.Column("digest", kind.json, server_default="{}", nullable=False),
        sa.Column("machine", kind.json),
        sa.Column("dropped", kind.json, server_default="[]", nullable=False),
        sa.Column("failure", kind.json),
        sa.Column("signed_at", kind.instant),
        sa.Column("signed_by_id", kind.key),
        sa.Column("superseded_at", kind.instant),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
    ]


def _digest_on_postgresql() -> str:
    """What a summary of before says, without sources."""
    item = "jsonb_build_object('text', {}, 'sources', '[]'::jsonb, 'added', false)"

    def of_text(column: str) -> str:
        return (
            f"CASE WHEN coalesce({column}, '') = '' THEN '[]'::jsonb "
            f"ELSE jsonb_build_array({item.format(column)}) END"
        )

    def of_list(column: str) -> str:
        return (
            f"coalesce((SELECT jsonb_agg({item.format('said')} ORDER BY place) "
            f"FROM unnest({column}) WITH ORDINALITY AS each (said, place) "
            "WHERE said IS NOT NULL), '[]'::jsonb)"
        )

    return f"""jsonb_build_object(
        'summary', {of_text("summary_text")},
        'patient_concerns', {of_list("patient_concerns")},
        'medications', {of_list("medications")},
        'allergies', {of_list("allergies")},
        'denials', '[]'::jsonb,
        'red_flags', '[]'::jsonb,
        'notes', {of_text("key_notes")}
    )"""


def _digest_on_sqlite() -> str:
    """What a summary of before says, without sources."""
    item = "json_object('text', {}, 'sources', json('[]'), 'added', json('false'))"

    def of_text(column: str) -> str:
        return (
            f"json(CASE WHEN coalesce({column}, '') = '' THEN '[]' "
            f"ELSE json_array({item.format(column)}) END)"
        )

    def of_list(column: str) -> str:
        return (
            f"json((SELECT json_group_array({item.format('said')}) FROM ("
            f"SELECT value AS said FROM json_each({column}) "
            "WHERE value IS NOT NULL ORDER BY key)))"
        )

    return f"""json_object(
        'summary', {of_text("summary_text")},
        'patient_concerns', {of_list("patient_concerns")},
        'medications', {of_list("medications")},
        'allergies', {of_list("allergies")},
        'denials', json('[]'),
        'red_flags', json('[]'),
        'notes', {of_text("key_notes")}
    )"""


def _leave_one_summary_to_each_form(kind: _Kinds) -> None:
    """Of those that a form was given for several visits, the newest one stands."""
    _change_rows(
        "ai_intake_summaries",
        """
        UPDATE ai_intake_summaries SET superseded_at = (
            SELECT min(newer.generated_at) FROM ai_intake_summaries AS newer
            WHERE newer.clinic_id = ai_intake_summaries.clinic_id
            AND newer.intake_form_id = ai_intake_summaries.intake_form_id
            AND (newer.generated_at, newer.id)
                > (ai_intake_summaries.generated_at, ai_intake_summaries.id)
        )
        """,
        kind,
    )


def _change_rows(table: str, statement: str, kind: _Kinds) -> None:
    # Else an owner who is no superuser changes none.
    if kind.on_postgresql:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    if kind.on_postgresql:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _create_unique_index(
    table: str, name: str, column: str, where: str | None = None
) -> None:
    rows = None if where is None else sa.text(where)
    op.create_index(
        f"uq_{table}_{name}",
        table,
        ["clinic_id", column],
        unique=True,
        sqlite_where=rows,
        postgresql_where=rows,
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
        self.on_postgresql = dialect == "postgresql"
        if self.on_postgresql:
            self.key: sa.types.TypeEngine = sa.Uuid()
            self.instant: sa.types.TypeEngine = sa.DateTime(timezone=True)
            self.json: sa.types.TypeEngine = JSONB()
            self.texts: sa.types.TypeEngine = ARRAY(sa.Text)
            self.no_texts = "{}"
            self.now = sa.text("CURRENT_TIMESTAMP")
        else:
            self.key = sa.String(36)
            self.instant = sa.String(32)
            self.json = sa.JSON()
            self.texts = sa.JSON()
            self.no_texts = "[]"
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
