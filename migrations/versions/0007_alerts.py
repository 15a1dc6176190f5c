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
        sa.Column("ended_at", INSTANT),
        sa.Column("occurrence_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("resolved_at", INSTANT),
        sa.Column("resolved_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.CheckConstraint(
            "severity IN ('critical', 'warning', 'info')", name=op.f("ck_alert_severity_is_known")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR ended_at >= opened_at", name=op.f("ck_alert_ends_after_opening")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR resolved_at IS NOT NULL", name=op.f("ck_alert_what_is_over_is_resolved")
        ),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_alert_evse_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_evse_opened", "alert", ["evse_id", "opened_at", "id"], unique=False)
    op.create_index("ix_alert_opened_id", "alert", ["opened_at", "id"], unique=False)
    op.create_index(
        "ix_alert_unresolved_opened",
        "alert",
        ["opened_at", "id"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "uq_alert_lasting",
        "alert",
        [
            "evse_id",
            sa.literal_column("coalesce(connector_id, -1)"),
            "kind",
            sa.literal_column("coalesce(session_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
        ],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "alert_review",
        sa.Column("is_only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("is_only_row", name=op.f("ck_alert_review_has_one_row")),
        sa.PrimaryKeyConstraint("is_only_row", name=op.f("pk_alert_review")),
    )
    # What happened before there were alerts is history.
    op.execute("INSERT INTO alert_review (last_event_id) SELECT coalesce(max(id), 0) FROM station_event")
    op.create_index(
        "ix_charging_session_doubtful",
        "charging_session",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("(quality & 73) <> 0"),
    )
    op.create_index(
        "ix_charging_session_active_started",
        "charging_session",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_charging_session_active_started", "charging_session")
    op.drop_index("ix_charging_session_doubtful", "charging_session")
    op.drop_table("alert_review")
    op.drop_table("alert")
