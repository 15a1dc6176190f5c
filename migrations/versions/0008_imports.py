"""Add imports of devices' offline logs.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Add imports of devices' offline logs."""
    op.create_table(
        "import_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger()),
        sa.Column("file_name", sa.Text()),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("completed_at", INSTANT),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.Column("stored_count", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_count", sa.BigInteger(), nullable=False),
        sa.Column("rejected_count", sa.BigInteger(), nullable=False),
        sa.Column("rejected_lines", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint("status IN ('queued', 'completed')", name=op.f("ck_import_job_status_is_known")),
        sa.CheckConstraint(
            "stored_count + duplicate_count + rejected_count <= line_count",
            name=op.f("ck_import_job_no_line_is_counted_twice"),
        ),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_import_job_evse_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    op.create_index("ix_import_job_created_id", "import_job", ["created_at", "id"], unique=False)
    op.create_index(
        "uq_import_job_file",
        "import_job",
        ["evse_id", sa.text("coalesce(connector_id, -1)"), "sha256"],
        unique=True,
    )
    op.add_column("parked_message", sa.Column("import_id", sa.Uuid()))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("parked_message", "import_id")
    op.drop_table("import_job")
