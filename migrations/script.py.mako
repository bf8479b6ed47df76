"""
${message}

A released migration is never changed. It names what it makes, imports nothing
from ClinicFlow, and can be undone. Work that locks a table for long goes into a
migration of its own. On PostgreSQL a table with a clinic_id gets row-level security
and its policy, and one whose rows are changed is not forced meanwhile.
"""

from __future__ import annotations

from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
