"""Add rollups of the readings, what retention remembers, and messages put aside.

New tables only: no lock that a reader or writer would notice. An ingestor of the version before goes on
meanwhile, but marks nothing: for what it stores after this, `solarrally maintain --recompute-since`.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
QUEUE = {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1000"}


def upgrade() -> None:
    """Create the tables; readings stored before are due for their rollups."""
    create_rollups()
    create_parked_messages()
    op.execute(
        "INSERT INTO rollup_due (bucket_start, evse_id, connector_id)"
        " SELECT DISTINCT date_bin('15 min', ts, 'epoch'), evse_id, connector_id FROM reading"
    )


def downgrade() -> None:
    """Drop them, with the rollups of readings that are no longer there."""
    op.drop_table("parked_message")
    op.drop_table("raw_dropped_day")
    op.drop_table("rollup_due")
    op.drop_table("reading_daily")
    op.drop_table("reading_15min")


def create_rollups() -> None:
    """Buckets of a quarter of an hour, days (UTC), which buckets are due, and which days lost readings."""
    op.create_table(
        "reading_15min",
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), nullable=False),
        sa.Column("bucket_start", INSTANT, nullable=False),
        *rollup_columns(),
        sa.PrimaryKeyConstraint("evse_id", "connector_id", "bucket_start", name=op.f("pk_reading_15min")),
    )
    op.create_table(
        "reading_daily",
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *rollup_columns(),
        sa.PrimaryKeyConstraint("evse_id", "connector_id", "day", name=op.f("pk_reading_daily")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "rollup_due",
        sa.Column("bucket_start", INSTANT, nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket_start", "evse_id", "connector_id", name=op.f("pk_rollup_due")),
        postgresql_with=QUEUE,
    )
    op.create_table(
        "raw_dropped_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dropped_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_raw_dropped_day")),
    )


def rollup_columns() -> list[sa.Column[object]]:
    """New objects each time: a column belongs to one table."""
    return [
        sa.Column("reading_count", sa.Integer(), nullable=False),
        sa.Column("billable_count", sa.Integer(), nullable=False),
        sa.Column("energy_method", sa.Text()),
        sa.Column("energy_solar_wh", sa.Float(), nullable=False),
        sa.Column("energy_grid_wh", sa.Float(), nullable=False),
        sa.Column("energy_unattributed_wh", sa.Float(), nullable=False),
        sa.Column(
            "energy_wh",
            sa.Float(),
            sa.Computed("energy_solar_wh + energy_grid_wh + energy_unattributed_wh", persisted=True),
        ),
        sa.Column("charging_s", sa.Float(), nullable=False),
        sa.Column("power_count", sa.Integer(), nullable=False),
        sa.Column("power_avg_w", sa.Float()),
        sa.Column("power_min_w", sa.Float()),
        sa.Column("power_max_w", sa.Float()),
        sa.Column("voltage_count", sa.Integer(), nullable=False),
        sa.Column("voltage_avg_v", sa.Float()),
        sa.Column("current_count", sa.Integer(), nullable=False),
        sa.Column("current_avg_a", sa.Float()),
        sa.Column("current_max_a", sa.Float()),
        sa.Column("temperature_count", sa.Integer(), nullable=False),
        sa.Column("temperature_avg_c", sa.Float()),
        sa.Column("temperature_max_c", sa.Float()),
        sa.Column("computed_at", INSTANT, nullable=False),
    ]


def create_parked_messages() -> None:
    """Messages put aside, to be taken up again in the order of their ids."""
    op.create_table(
        "parked_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("evse_uid", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("qos", sa.SmallInteger(), nullable=False),
        sa.Column("retained", sa.Boolean(), nullable=False),
        sa.Column("redelivered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_message")),
        postgresql_with=QUEUE,
    )
