"""Webhooks wait in a table without indexes, and those that were read are known in another: who keeps one writes no index.

With SQLite, where those that were read lie in another file, they are forgotten: a repeat of one is read once more, and how many could not
be read is counted from here on.

Phase: post (after the code rolls out: what ran before keeps no webhook any more, and its senders try again). Never edited once merged.
"""

import sqlalchemy as sa
from alembic import op

from syncd.store import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KNOWN = """
INSERT INTO read_deliveries (store, webhook_id, topic, read_at, problem)
SELECT store, webhook_id, topic, taken_at, problem FROM deliveries WHERE taken_at IS NOT NULL ORDER BY id
"""


def upgrade() -> None:
    op.create_table(
        "read_deliveries",
        sa.Column("id", columns.RowNumber, nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("read_at", columns.UtcTime(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_read_deliveries"),
        sa.UniqueConstraint("store", "webhook_id", name="uq_read_deliveries_store_webhook_id"),
    )
    if op.get_context().dialect.name == "postgresql":  # a SQLite file with webhooks is not the one that knows the read ones
        op.execute(KNOWN)
    op.execute("DELETE FROM deliveries WHERE taken_at IS NOT NULL")
    op.drop_index("ix_deliveries_not_taken", "deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint("uq_deliveries_store_webhook_id", type_="unique")
        table.drop_column("problem")
        table.drop_column("taken_at")
        table.alter_column("body", existing_type=sa.LargeBinary(), nullable=False)


def downgrade() -> None:
    """What was read is forgotten: a repeat of it is read once more. Of repeats that wait, the first is kept."""
    op.execute("DELETE FROM deliveries WHERE id NOT IN (SELECT min(id) FROM deliveries GROUP BY store, webhook_id)")
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("body", existing_type=sa.LargeBinary(), nullable=True)
        table.add_column(sa.Column("taken_at", columns.UtcTime(), nullable=True))
        table.add_column(sa.Column("problem", sa.String(), nullable=True))
        table.create_unique_constraint("uq_deliveries_store_webhook_id", ["store", "webhook_id"])
    not_taken = sa.text("taken_at IS NULL")
    op.create_index(
        "ix_deliveries_not_taken", "deliveries", ["id"], sqlite_where=not_taken, postgresql_where=not_taken
    )
    op.drop_table("read_deliveries")
