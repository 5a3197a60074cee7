"""A return remembers the package that it was made for: all returns of one bring back no more than it held.

Phase: pre (before the code rolls out). Never edited once merged.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("returns", sa.Column("outbound_key", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("returns", "outbound_key")
