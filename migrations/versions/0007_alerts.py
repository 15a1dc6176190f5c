"""Add alerts.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add alerts."""
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger()),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("resolved_at", INSTANT),
        sa.Column("resolved_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.CheckConstraint(
            "severity IN ('critical', 'warning', 'info')", name=op.f("ck_alert_severity_is_known")
        ),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_alert_evse_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_evse_opened", "alert", ["evse_id", "opened_at", "id"], unique=False)
    op.create_index("ix_alert_opened_id", "alert", ["opened_at", "id"], unique=False)
    op.create_index(
        "uq_alert_open",
        "alert",
        ["evse_id", sa.literal_column("coalesce(connector_id, -1)"), "kind"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("alert")
