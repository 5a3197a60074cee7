"""What is said against an order, and what of it a person waived.

Phase: pre (before the code rolls out). Never edited once merged.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ALL = "fraud_review,risk_pending,held_by_rule"
"""What a release has waived so far, whatever was said against the order."""


def upgrade() -> None:
    op.add_column("orders", sa.Column("judged", sa.String(), nullable=True))
    op.add_column("orders", sa.Column("waived", sa.String(), nullable=True))
    op.execute(f"UPDATE orders SET waived = '{ALL}' WHERE released_at IS NOT NULL")


def downgrade() -> None:
    op.drop_column("orders", "waived")
    op.drop_column("orders", "judged")
