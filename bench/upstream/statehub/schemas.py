"""The schemas of requests and responses. Runs on pydantic 1 (Debian 12) and 2 (Debian 13)."""

from datetime import datetime
from typing import Any, Literal, Optional

from pydantic import VERSION, BaseModel

TopicStatus = Literal["active", "paused", "done"]
TaskStatus = Literal["todo", "in_progress", "blocked", "review", "done"]
WorkstreamStatus = Literal["active", "planned", "blocked", "done"]


class Record(BaseModel):
    """Read from a row of the database."""

    if VERSION.startswith("1."):

        class Config:
            orm_mode = True

    else:
        model_config = {"from_attributes": True}


class Patch(BaseModel):
    def changes(self) -> dict[str, Any]:
        """The members to change: those that are present and not null."""
        dump = getattr(self, "model_dump", None) or self.dict
        return dump(exclude_none=True)


class Workstream(Record):
    id: str
    slug: str
    topic_id: str
    title: str
    goal: str
    status: str
    owner: str
    percent_done: int
    due_at: datetime
    created_at: datetime
    updated_at: datetime


class Decision(Record):
    id: str
    topic_id: str
    title: str
    context: str
    outcome: str
    status: str
    decided_at: datetime


class ProgressEvent(Record):
    id: str
    topic_id: str
    kind: str
    message: str
    percent_before: int
    percent_after: int
    occurred_at: datetime


class TopicOutline(Record):
    """A topic within a domain: only with its workstreams."""

    id: str
    slug: str
    domain_slug: str
    title: str
    summary: str
    status: str
    priority: str
    health: str
    owner: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    workstreams: list[Workstream]


class Topic(TopicOutline):
    decisions: list[Decision]
    progress_event_count: int
    recent_progress: list[ProgressEvent]


class DomainOutline(Record):
    """A domain within a repo: without its topics."""

    id: str
    slug: str
    title: str
    description: str
    status: str
    owner: str
    created_at: datetime
    updated_at: datetime


class Domain(DomainOutline):
    topics: list[TopicOutline]


class Goal(Record):
    id: str
    repo_id: str
    title: str
    metric: str
    status: str
    target: float
    current: float
    due_at: datetime
    created_at: datetime
    updated_at: datetime


class Repo(Record):
    id: str
    slug: str
    domain_slug: str
    title: str
    description: str
    status: str
    local_path: str
    default_branch: str
    language: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    domain: DomainOutline
    goals: list[Goal]


class Task(Record):
    id: str
    workstream_id: str
    title: str
    detail: str
    status: str
    priority: str
    needs_human: bool
    assignee: str
    labels: list[str]
    estimate_hours: int
    created_at: datetime
    updated_at: datetime


class ListedTask(Task):
    """`queue_position`: how many tasks of the same status are older."""

    queue_position: int


class SbomSnapshot(Record):
    id: str
    repo_id: str
    snapshot_at: datetime
    tool: str
    component_count: int
    critical_count: int
    high_count: int
    licenses: dict[str, int]
    components: list[dict[str, Any]]


class NewTopic(BaseModel):
    slug: str
    domain_slug: str
    title: str
    summary: str = ""
    status: TopicStatus = "active"
    priority: str = "normal"
    owner: str = "unassigned"
    tags: list[str] = []


class TopicPatch(Patch):
    title: Optional[str] = None
    summary: Optional[str] = None
    status: Optional[TopicStatus] = None
    priority: Optional[str] = None
    health: Optional[str] = None
    owner: Optional[str] = None
    tags: Optional[list[str]] = None


class TaskPatch(Patch):
    title: Optional[str] = None
    detail: Optional[str] = None
    status: Optional[TaskStatus] = None
    priority: Optional[str] = None
    needs_human: Optional[bool] = None
    assignee: Optional[str] = None


class NewWorkstream(BaseModel):
    slug: str
    topic_id: str
    title: str
    goal: str = ""
    status: WorkstreamStatus = "planned"
    owner: str = "unassigned"
    due_at: datetime
