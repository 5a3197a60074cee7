"""The first schema.

Phase: pre (before the code rolls out). Never edited once merged.
"""

import sqlalchemy as sa
from alembic import op

from syncd.store import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("since", columns.UtcTime(), nullable=False),
        sa.Column("until", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_alarms"),
    )
    op.create_table(
        "brakes",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("pulled_at", columns.UtcTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("released_until", columns.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("flow", name="pk_brakes"),
    )
    op.create_table(
        "budgets",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.Column("blocked_until", columns.UtcTime(), nullable=True),
        sa.Column("paused_code", sa.String(), nullable=True),
        sa.Column("paused_text", sa.String(), nullable=True),
        sa.Column("paused_since", columns.UtcTime(), nullable=True),
        sa.Column("paused_until", columns.UtcTime(), nullable=True),
        sa.Column("updated_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_budgets"),
    )
    op.create_table(
        "consignments",
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("split_group", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("shipstation_order_id", sa.BigInteger(), nullable=True),
        sa.Column("applied", sa.Text(), nullable=True),
        sa.Column("pushed_at", columns.UtcTime(), nullable=True),
        sa.Column("choice", sa.Text(), nullable=True),
        sa.Column("seen_status", sa.String(), nullable=True),
        sa.Column("seen_differs", sa.String(), nullable=True),
        sa.Column("seen_modified_at", columns.UtcTime(), nullable=True),
        sa.Column("seen_at", columns.UtcTime(), nullable=True),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("updated_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_key", name="pk_consignments"),
        sa.UniqueConstraint(
            "store",
            "order_id",
            "location_id",
            "split_group",
            "n",
            name="uq_consignments_store_order_id_location_id_split_group_n",
        ),
    )
    op.create_index("ix_consignments_shipstation_order_id", "consignments", ["shipstation_order_id"])
    op.create_index(
        "ix_consignments_open",
        "consignments",
        ["created_at"],
        sqlite_where=sa.text("standing = 'open'"),
        postgresql_where=sa.text("standing = 'open'"),
    )

    op.create_table(
        "cursors",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("watermark", columns.UtcTime(), nullable=True),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column("updated_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_cursors"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", columns.RowNumber, nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("received_at", columns.UtcTime(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("taken_at", columns.UtcTime(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("store", "webhook_id", name="uq_deliveries_store_webhook_id"),
    )
    op.create_index(
        "ix_deliveries_not_taken",
        "deliveries",
        ["id"],
        sqlite_where=sa.text("taken_at IS NULL"),
        postgresql_where=sa.text("taken_at IS NULL"),
    )
    if op.get_context().dialect.name == "postgresql":  # bodies go once they are read: packing them cost more than all else
        op.execute("ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL")

    op.create_table(
        "privacy_requests",
        sa.Column("id", columns.RowNumber, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("orders", sa.Text(), nullable=False),
        sa.Column("received_at", columns.UtcTime(), nullable=False),
        sa.Column("done_at", columns.UtcTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_privacy_requests"),
    )
    op.create_table(
        "redacted_orders",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("redacted_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("store", "order_id", name="pk_redacted_orders"),
    )
    op.create_table(
        "journal",
        sa.Column("id", columns.RowNumber, nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("opened_at", columns.UtcTime(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("closed_at", columns.UtcTime(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
    )
    op.create_index(
        "ix_journal_open",
        "journal",
        ["store", "order_id"],
        sqlite_where=sa.text("outcome IN ('intended', 'unknown')"),
        postgresql_where=sa.text("outcome IN ('intended', 'unknown')"),
    )
    op.create_index("ix_journal_order", "journal", ["store", "order_id", "id"])

    op.create_table(
        "journeys",
        sa.Column("package_key", sa.String(), nullable=False),
        sa.Column("begun_at", columns.UtcTime(), nullable=False),
        sa.Column("ask_at", columns.UtcTime(), nullable=True),
        sa.Column("ended_at", columns.UtcTime(), nullable=True),
        sa.Column("heard_at", columns.UtcTime(), nullable=True),
        sa.Column("heard", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("tell_at", columns.UtcTime(), nullable=True),
        sa.Column("news", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("package_key", name="pk_journeys"),
    )
    op.create_index(
        "ix_journeys_asked",
        "journeys",
        ["ask_at"],
        sqlite_where=sa.text("ask_at IS NOT NULL"),
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )
    op.create_index("ix_journeys_begun_at", "journeys", ["begun_at"])
    op.create_index(
        "ix_journeys_untold",
        "journeys",
        ["heard_at"],
        sqlite_where=sa.text("heard > settled"),
        postgresql_where=sa.text("heard > settled"),
    )

    op.create_table(
        "key_uses",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("ends_in", sa.String(), nullable=False),
        sa.Column("used_since", columns.UtcTime(), nullable=True),
        sa.Column("last_used_at", columns.UtcTime(), nullable=True),
        sa.Column("refused_at", columns.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_key_uses"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("until", columns.UtcTime(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("done_at", columns.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "marks",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("marked", sa.BigInteger(), nullable=False),
        sa.Column("marked_at", columns.UtcTime(), nullable=False),
        sa.Column("hint_at", columns.UtcTime(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("parked", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", columns.UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", columns.UtcTime(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_text", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("flow", "subject", name="pk_marks"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.01, "autovacuum_vacuum_cost_delay": 0},
    )
    op.create_index(
        "ix_marks_parked",
        "marks",
        ["flow", "subject"],
        sqlite_where=sa.text("marked > settled AND marked <= parked"),
        postgresql_where=sa.text("marked > settled AND marked <= parked"),
    )
    op.create_index(
        "ix_marks_waiting",
        "marks",
        ["flow", "lane", "marked_at", "retry_at", "lease_until"],
        sqlite_where=sa.text("marked > settled AND marked > parked"),
        postgresql_where=sa.text("marked > settled AND marked > parked"),
    )

    op.create_table(
        "orders",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("trouble_detail", sa.String(), nullable=True),
        sa.Column("finding", sa.String(), nullable=True),
        sa.Column("finding_detail", sa.String(), nullable=True),
        sa.Column("since", columns.UtcTime(), nullable=False),
        sa.Column("seen_at", columns.UtcTime(), nullable=False),
        sa.Column("shopify_updated_at", columns.UtcTime(), nullable=True),
        sa.Column("routing_updated_at", columns.UtcTime(), nullable=True),
        sa.Column("closed_at", columns.UtcTime(), nullable=True),
        sa.Column("released_at", columns.UtcTime(), nullable=True),
        sa.Column("take", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("store", "order_id", name="pk_orders"),
    )
    op.create_index("ix_orders_name", "orders", ["name"])
    op.create_index("ix_orders_state", "orders", ["state"])

    op.create_table(
        "outbound_messages",
        sa.Column("id", columns.RowNumber, nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("next_at", columns.UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbound_messages"),
        sa.UniqueConstraint("endpoint", "about", name="uq_outbound_messages_endpoint_about"),
    )
    op.create_index(
        "ix_outbound_messages_unsent",
        "outbound_messages",
        ["next_at"],
        sqlite_where=sa.text("outcome = 'waiting'"),
        postgresql_where=sa.text("outcome = 'waiting'"),
    )

    op.create_table(
        "packages",
        sa.Column("package_key", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=True),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.Column("voided_at", columns.UtcTime(), nullable=True),
        sa.Column("tracking_number", sa.String(), nullable=True),
        sa.Column("more_numbers", sa.String(), nullable=True),
        sa.Column("carrier_code", sa.String(), nullable=True),
        sa.Column("service_code", sa.String(), nullable=True),
        sa.Column("ship_date", sa.String(), nullable=True),
        sa.Column("lines", sa.Text(), nullable=True),
        sa.Column("fulfillment_gid", sa.String(), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("updated_at", columns.UtcTime(), nullable=False),
        sa.Column("seen_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("package_key", "store", "order_id", name="pk_packages"),
    )
    op.create_index("ix_packages_order", "packages", ["store", "order_id"])
    op.create_index(
        "uq_packages_fulfillment_gid",
        "packages",
        ["fulfillment_gid"],
        unique=True,
        sqlite_where=sa.text("fulfillment_gid IS NOT NULL"),
        postgresql_where=sa.text("fulfillment_gid IS NOT NULL"),
    )
    op.create_index(
        "ix_packages_untold",
        "packages",
        ["order_key"],
        sqlite_where=sa.text("fulfillment_gid IS NULL AND NOT voided"),
        postgresql_where=sa.text("fulfillment_gid IS NULL AND NOT voided"),
    )

    op.create_table(
        "returns",
        sa.Column("return_key", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.Column("tracking_number", sa.String(), nullable=True),
        sa.Column("carrier_code", sa.String(), nullable=True),
        sa.Column("service_code", sa.String(), nullable=True),
        sa.Column("lines", sa.Text(), nullable=True),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("return_gid", sa.String(), nullable=True),
        sa.Column("is_labelled", sa.Boolean(), nullable=False),
        sa.Column("received_at", columns.UtcTime(), nullable=True),
        sa.Column("received_by", sa.String(), nullable=True),
        sa.Column("asked_at", columns.UtcTime(), nullable=False),
        sa.Column("suggested", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("approved", sa.String(), nullable=True),
        sa.Column("refund_gid", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("updated_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("return_key", "store", "order_id", name="pk_returns"),
    )
    op.create_index("ix_returns_order", "returns", ["store", "order_id"])
    op.create_index(
        "ix_returns_not_received",
        "returns",
        ["asked_at"],
        sqlite_where=sa.text("received_at IS NULL AND NOT voided AND outcome = ''"),
        postgresql_where=sa.text("received_at IS NULL AND NOT voided AND outcome = ''"),
    )

    op.create_table(
        "stock_controls",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("released_at", columns.UtcTime(), nullable=True),
        sa.Column("released_as", sa.Text(), nullable=True),
        sa.Column("frozen_at", columns.UtcTime(), nullable=True),
        sa.Column("frozen_until", columns.UtcTime(), nullable=True),
        sa.Column("looked_at", columns.UtcTime(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("store", name="pk_stock_controls"),
    )

    op.create_table(
        "catalog_looks",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("looked_at", columns.UtcTime(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store", name="pk_catalog_looks"),
    )

    op.create_table(
        "product_links",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("written", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("product_id", name="pk_product_links"),
        sa.UniqueConstraint("store", "item_id", name="uq_product_links_store_item_id"),
    )


def downgrade() -> None:
    op.drop_table("product_links")
    op.drop_table("catalog_looks")
    op.drop_table("stock_controls")
    op.drop_table("returns")
    op.drop_table("packages")
    op.drop_table("outbound_messages")
    op.drop_table("orders")
    op.drop_table("marks")
    op.drop_table("leases")
    op.drop_table("key_uses")
    op.drop_table("journeys")
    op.drop_table("journal")
    op.drop_table("redacted_orders")
    op.drop_table("privacy_requests")
    op.drop_table("deliveries")
    op.drop_table("cursors")
    op.drop_table("consignments")
    op.drop_table("budgets")
    op.drop_table("brakes")
    op.drop_table("alarms")
