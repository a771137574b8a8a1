"""The indexes that the lists of tasks and snapshots, and whoever filters by status, seem to lack."""

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INDEXES = [
    ("ix_tasks_status", "tasks", ["status"]),
    ("ix_tasks_workstream_id_status", "tasks", ["workstream_id", "status"]),
    ("ix_workstreams_status", "workstreams", ["status"]),
    ("ix_sbom_snapshots_repo_id_snapshot_at", "sbom_snapshots", ["repo_id", text("snapshot_at DESC")]),
]


def upgrade() -> None:
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
