"""The ten tables, and the related rows that are loaded with a row.

The cascades (`lazy="selectin"`) are why the lists are slow: whoever selects a domain, or a repo for its domain,
loads the topics below it, and with each topic its workstreams, decisions and progress events, needed or not.
Two indexes that the queries would want are missing on purpose; see Task and SbomSnapshot.
"""

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import declarative_base, relationship

Base = declarative_base()

# The number of a topic's progress events that are sent; all of them are loaded.
RECENT_EVENTS = 24


def identifier():
    return Column(String(36), primary_key=True)


def reference(column, **options):
    return Column(ForeignKey(column), index=True, nullable=False, **options)


def text(**options):
    return Column(Text, nullable=False, **options)


def instant(**options):
    """Without a time zone, in UTC; SQLite and PostgreSQL return the same value."""
    return Column(DateTime, nullable=False, **options)


class Domain(Base):
    __tablename__ = "domains"
    id = identifier()
    slug = text(unique=True)
    title = text()
    description = text()
    status = text()
    owner = text()
    created_at = instant()
    updated_at = instant()
    topics = relationship("Topic", lazy="selectin", order_by="Topic.slug")


class Topic(Base):
    __tablename__ = "topics"
    id = identifier()
    slug = text(unique=True)
    domain_slug = reference("domains.slug")
    title = text()
    summary = text()
    status = text()
    priority = text()
    health = text()
    owner = text()
    tags = Column(JSON, nullable=False)
    created_at = instant()
    updated_at = instant()
    workstreams = relationship("Workstream", lazy="selectin", order_by="Workstream.slug")
    decisions = relationship("Decision", lazy="selectin", order_by="Decision.decided_at, Decision.id")
    progress_events = relationship(
        "ProgressEvent", lazy="selectin", order_by="ProgressEvent.occurred_at, ProgressEvent.id"
    )

    @property
    def recent_progress(self):
        return self.progress_events[-RECENT_EVENTS:]

    @property
    def progress_event_count(self):
        return len(self.progress_events)


class Workstream(Base):
    __tablename__ = "workstreams"
    id = identifier()
    slug = text(unique=True)
    topic_id = reference("topics.id")
    title = text()
    goal = text()
    status = text()
    owner = text()
    percent_done = Column(Integer, nullable=False)
    due_at = instant()
    created_at = instant()
    updated_at = instant()


class Decision(Base):
    __tablename__ = "decisions"
    id = identifier()
    topic_id = reference("topics.id")
    title = text()
    context = text()
    outcome = text()
    status = text()
    decided_at = instant()


class ProgressEvent(Base):
    __tablename__ = "progress_events"
    id = identifier()
    topic_id = reference("topics.id")
    kind = text()
    message = text()
    percent_before = Column(Integer, nullable=False)
    percent_after = Column(Integer, nullable=False)
    occurred_at = instant()


class Milestone(Base):
    __tablename__ = "milestones"
    id = identifier()
    workstream_id = reference("workstreams.id")
    title = text()
    status = text()
    due_at = instant()


class Task(Base):
    """Listed newest first, each with its place in the queue of its status, for which `status` has no index:
    the planner takes the one on `created_at` and visits every older task, once for each task listed."""

    __tablename__ = "tasks"
    id = identifier()
    workstream_id = reference("workstreams.id")
    created_at = instant(index=True)
    status = text()
    needs_human = Column(Boolean, nullable=False)
    title = text()
    detail = text()
    priority = text()
    assignee = text()
    labels = Column(JSON, nullable=False)
    estimate_hours = Column(Integer, nullable=False)
    updated_at = instant()


class Repo(Base):
    __tablename__ = "repos"
    id = identifier()
    slug = text(unique=True)
    domain_slug = reference("domains.slug")
    title = text()
    description = text()
    status = text()
    local_path = text()
    default_branch = text()
    language = text()
    tags = Column(JSON, nullable=False)
    created_at = instant()
    updated_at = instant()
    domain = relationship("Domain", lazy="selectin")
    goals = relationship("Goal", lazy="selectin", order_by="Goal.due_at, Goal.id")


class Goal(Base):
    __tablename__ = "goals"
    id = identifier()
    repo_id = reference("repos.id")
    title = text()
    metric = text()
    status = text()
    target = Column(Float, nullable=False)
    current = Column(Float, nullable=False)
    due_at = instant()
    created_at = instant()
    updated_at = instant()


class SbomSnapshot(Base):
    """No index on (repo_id, snapshot_at): the latest snapshot of a repo is found by a scan, once for each row."""

    __tablename__ = "sbom_snapshots"
    id = identifier()
    repo_id = Column(ForeignKey("repos.id"), nullable=False)
    snapshot_at = instant()
    tool = text()
    component_count = Column(Integer, nullable=False)
    critical_count = Column(Integer, nullable=False)
    high_count = Column(Integer, nullable=False)
    licenses = Column(JSON, nullable=False)
    components = Column(JSON, nullable=False)


class GeneratedData(Base):
    """One row: the recipe of the other tables' rows."""

    __tablename__ = "generated_data"
    recipe = Column(String(200), primary_key=True)
