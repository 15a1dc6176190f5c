"""Create the schema: sites and stations, readings by day, sessions, immutable bills, users.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    """Create everything, in an order in which each table finds those it refers to."""
    create_sites_and_stations()
    create_readings()
    create_sessions()
    create_bills()
    create_events()
    create_users()


def downgrade() -> None:
    """Drop everything, with its data."""
    op.drop_table("live_ticket")
    op.drop_table("app_user")
    op.drop_table("rejected_message")
    op.drop_table("station_event")
    op.drop_table("bill")
    op.execute("DROP FUNCTION bill_is_immutable()")
    op.drop_table("charging_session")
    op.drop_table("reading")  # with all its partitions
    op.drop_table("connector")
    op.drop_table("evse")
    op.drop_table("tariff")
    op.drop_table("site")


def create_sites_and_stations() -> None:
    """Where stations stand, what energy costs there, and the newest of each connector."""
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("latitude_deg", sa.Float()),
        sa.Column("longitude_deg", sa.Float()),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_site_currency_is_iso4217")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("name", name=op.f("uq_site_name")),
    )
    op.create_table(
        "tariff",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price_solar_per_kwh", sa.Numeric(12, 4), nullable=False),
        sa.Column("price_grid_per_kwh", sa.Numeric(12, 4), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "price_solar_per_kwh >= 0 AND price_grid_per_kwh >= 0", name=op.f("ck_tariff_prices_not_negative")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_tariff_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
        sa.UniqueConstraint("site_id", "valid_from", name=op.f("uq_tariff_site_id_valid_from")),
    )
    op.create_table(
        "evse",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("evse_uid", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("dialect", sa.Text(), server_default="native", nullable=False),
        sa.Column("vendor", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("firmware", sa.Text()),
        sa.Column("max_power_w", sa.Float()),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_online", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("online_changed_at", INSTANT),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_evse_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evse")),
        sa.UniqueConstraint("evse_uid", name=op.f("uq_evse_evse_uid")),
    )
    op.create_index(op.f("ix_evse_site_id"), "evse", ["site_id"])
    op.create_table(
        "connector",
        sa.Column("evse_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ts", INSTANT),
        sa.Column("received_at", INSTANT),
        sa.Column("status", sa.Text()),
        sa.Column("reported_status", sa.Text()),
        sa.Column("power_w", sa.Float()),
        sa.Column("voltage_v", sa.Float()),
        sa.Column("current_a", sa.Float()),
        sa.Column("temperature_c", sa.Float()),
        sa.Column("soc_percent", sa.Float()),
        sa.Column("energy_source", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("quality", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("fold", JSONB()),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_connector_evse_id")),
        sa.PrimaryKeyConstraint("evse_id", "connector_id", name=op.f("pk_connector")),
        postgresql_with={"fillfactor": "50"},
    )


def create_readings() -> None:
    """The telemetry, partitioned by UTC day: `storage.partitions` makes the days, one is for all others."""
    op.create_table(
        "reading",
        sa.Column("ts", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("device_ts", INSTANT),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("energy_source", sa.SmallInteger()),
        sa.Column("transaction_event", sa.SmallInteger()),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("power_w", sa.Float()),
        sa.Column("energy_register_wh", sa.Float()),
        sa.Column("session_energy_wh", sa.Float()),
        sa.Column("session_energy_solar_wh", sa.Float()),
        sa.Column("session_energy_grid_wh", sa.Float()),
        sa.Column("voltage_v", sa.REAL()),
        sa.Column("current_a", sa.REAL()),
        sa.Column("voltage_l1_v", sa.REAL()),
        sa.Column("voltage_l2_v", sa.REAL()),
        sa.Column("voltage_l3_v", sa.REAL()),
        sa.Column("current_l1_a", sa.REAL()),
        sa.Column("current_l2_a", sa.REAL()),
        sa.Column("current_l3_a", sa.REAL()),
        sa.Column("power_offered_w", sa.REAL()),
        sa.Column("temperature_c", sa.REAL()),
        sa.Column("soc_percent", sa.REAL()),
        sa.Column("session_id", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("id_token", sa.Text()),
        sa.Column("stop_reason", sa.Text()),
        sa.PrimaryKeyConstraint("evse_id", "connector_id", "ts", "digest", name=op.f("pk_reading")),
        postgresql_partition_by="RANGE (ts)",
    )
    op.execute("CREATE TABLE reading_default PARTITION OF reading DEFAULT")
    # It is nearly empty. Should it fill up, its days must still be found one by one.
    op.create_index(op.f("ix_reading_default_ts"), "reading_default", ["ts"])


def create_sessions() -> None:
    """The charging sessions."""
    op.create_table(
        "charging_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), nullable=False),
        sa.Column("device_session_id", sa.Text()),
        sa.Column("id_token", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("end_reason", sa.Text()),
        sa.Column("last_reading_at", INSTANT, nullable=False),
        sa.Column("reading_count", sa.Integer(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("energy_solar_wh", sa.BigInteger(), nullable=False),
        sa.Column("energy_grid_wh", sa.BigInteger(), nullable=False),
        sa.Column("energy_unattributed_wh", sa.BigInteger(), nullable=False),
        sa.Column("energy_method", sa.Text(), nullable=False),
        sa.Column("peak_power_w", sa.Float()),
        sa.Column("charging_s", sa.Float(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("tariff_id", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("cost", sa.Numeric(14, 4), nullable=False),
        sa.Column("fold", JSONB(), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'COMPLETED')", name=op.f("ck_charging_session_status_is_ocpi")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR ended_at >= started_at", name=op.f("ck_charging_session_ends_after_start")
        ),
        sa.CheckConstraint(
            "energy_wh = energy_solar_wh + energy_grid_wh + energy_unattributed_wh",
            name=op.f("ck_charging_session_energy_split_adds_up"),
        ),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_charging_session_evse_id")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff.id"], name=op.f("fk_charging_session_tariff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charging_session")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        op.f("ix_charging_session_active"),
        "charging_session",
        ["evse_id"],
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.create_index(
        op.f("ix_charging_session_connector_started"),
        "charging_session",
        ["evse_id", "connector_id", "started_at"],
    )
    op.create_index(
        op.f("ix_charging_session_id_token_started"), "charging_session", ["id_token", "started_at", "id"]
    )
    op.create_index(op.f("ix_charging_session_started_id"), "charging_session", ["started_at", "id"])


def create_bills() -> None:
    """The bills, and the trigger that refuses to change or lose one."""
    op.create_table(
        "bill",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("credits_bill_id", sa.Uuid()),
        sa.Column("evse_uid", sa.Text(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger(), nullable=False),
        sa.Column("id_token", sa.Text()),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("energy_solar_wh", sa.BigInteger(), nullable=False),
        sa.Column("energy_grid_wh", sa.BigInteger(), nullable=False),
        sa.Column("energy_unattributed_wh", sa.BigInteger(), nullable=False),
        sa.Column("tariff_id", sa.Integer(), nullable=False),
        sa.Column("price_solar_per_kwh", sa.Numeric(12, 4), nullable=False),
        sa.Column("price_grid_per_kwh", sa.Numeric(12, 4), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(14, 4), nullable=False),
        sa.Column("issued_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint("kind IN ('invoice', 'credit')", name=op.f("ck_bill_kind_is_known")),
        sa.CheckConstraint(
            "(kind = 'credit') = (credits_bill_id IS NOT NULL)", name=op.f("ck_bill_credit_says_of_what")
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'credit' THEN total <= 0 ELSE total >= 0 END", name=op.f("ck_bill_sign_fits_kind")
        ),
        sa.ForeignKeyConstraint(["credits_bill_id"], ["bill.id"], name=op.f("fk_bill_credits_bill_id")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff.id"], name=op.f("fk_bill_tariff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill")),
        sa.UniqueConstraint("credits_bill_id", name=op.f("uq_bill_credits_bill_id")),
        sa.UniqueConstraint("number", name=op.f("uq_bill_number")),
        sa.UniqueConstraint("session_id", "revision", name=op.f("uq_bill_session_id_revision")),
    )
    op.execute(
        """
        CREATE FUNCTION bill_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'bills are immutable: % refused', TG_OP
                USING ERRCODE = 'restrict_violation',
                      HINT = 'Correct a bill with a credit that names it, and a new invoice.';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER bill_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON bill
        FOR EACH STATEMENT EXECUTE FUNCTION bill_is_immutable()
        """
    )


def create_events() -> None:
    """What happened to stations, and the messages that could not be used."""
    op.create_table(
        "station_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.SmallInteger()),
        sa.Column("ts", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.ForeignKeyConstraint(["evse_id"], ["evse.id"], name=op.f("fk_station_event_evse_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_event")),
    )
    op.create_index(op.f("ix_station_event_evse_ts"), "station_event", ["evse_id", "ts"])
    op.create_table(
        "rejected_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("field", sa.Text()),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_size_bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_message")),
    )
    op.create_index(op.f("ix_rejected_message_reason"), "rejected_message", ["reason"])


def create_users() -> None:
    """Who may log in, and their tickets for the live connection."""
    op.create_table(
        "app_user",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("id_token", sa.Text()),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "role IN ('admin', 'operator', 'user', 'guest')", name=op.f("ck_app_user_role_is_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("id_token", name=op.f("uq_app_user_id_token")),
        sa.UniqueConstraint("username", name=op.f("uq_app_user_username")),
    )
    op.create_table(
        "live_ticket",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_live_ticket_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_live_ticket")),
    )
