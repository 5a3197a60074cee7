"""${message}

Phase: pre (before the code rolls out) | post (after). Keep one, and one change per file; never edit it once merged.
"""

import sqlalchemy as sa
from alembic import op

from syncd.store import columns
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
