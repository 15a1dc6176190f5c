"""Add the commands to stations: an outbox, and what became of each.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Add the commands to stations: an outbox, and what became of each."""
    op.create_table(
        "command",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger()),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("params", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_by_user_id", sa.Integer()),
        sa.Column("idempotency_scope", sa.Text()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("request_digest", sa.Text()),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("tried_at", INSTANT),
        sa.Column("sent_at", INSTANT),
        sa.Column("answered_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'accepted', 'completed', 'rejected', 'failed', 'timed_out',"
            " 'expired', 'cancelled')",
            name=op.f("ck_command_status_is_known"),
        ),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_command_evse_id")),
        sa.ForeignKeyConstraint(
            ["requested_by_user_id"],
            ["app_user.id"],
            name=op.f("fk_command_requested_by_user_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command")),
        sa.UniqueConstraint(
            "idempotency_scope",
            "idempotency_key",
            name=op.f("uq_command_idempotency_scope_idempotency_key"),
        ),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (status IN ('pending', 'sent', 'accepted'))",
            name=op.f("ck_command_is_finished_or_open"),
        ),
    )
    op.create_index("ix_command_created_id", "command", ["created_at", "id"], unique=False)
    op.create_index("ix_command_evse_created", "command", ["evse_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_command_user_created",
        "command",
        ["requested_by_user_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_command_unfinished",
        "command",
        ["evse_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("command")
