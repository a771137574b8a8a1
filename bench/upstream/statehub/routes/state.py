"""/state/summary: requested by every open tab each minute; slow because it counts ten tables for each domain."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..models import (
    Decision, Domain, Goal, Milestone, ProgressEvent, Repo, SbomSnapshot, Task, Topic, Workstream,
)
from .common import get_session

router = APIRouter(prefix="/state")

# By name: the counted table and the column.
COUNTED = {
    "domains": Domain.status,
    "topics": Topic.status,
    "workstreams": Workstream.status,
    "decisions": Decision.status,
    "progress_events": ProgressEvent.kind,
    "milestones": Milestone.status,
    "tasks": Task.status,
    "repos": Repo.status,
    "goals": Goal.status,
    "sbom_snapshots": SbomSnapshot.tool,
}

# By name: the path from the counted table to the table with the domain.
PATHS = {
    "topics": [Topic],
    "workstreams": [Workstream, Topic],
    "decisions": [Decision, Topic],
    "progress_events": [ProgressEvent, Topic],
    "milestones": [Milestone, Workstream, Topic],
    "tasks": [Task, Workstream, Topic],
    "repos": [Repo],
    "goals": [Goal, Repo],
    "sbom_snapshots": [SbomSnapshot, Repo],
}


@router.get("/summary")
async def get_summary(session: AsyncSession = Depends(get_session)):
    totals = {name: await count_by(session, select(column), column) for name, column in COUNTED.items()}
    domains = []
    for slug, title in (await session.execute(select(Domain.slug, Domain.title).order_by(Domain.slug))).all():
        counts = {name: await count_in_domain(session, name, slug) for name in PATHS}
        domains.append(
            {
                "slug": slug,
                "title": title,
                "counts": counts,
                "needs_human": await tasks_needing_human(session, slug),
                "changed_at": await last_change(session, slug),
                "latest": await latest_events(session, slug),
            }
        )
    return {"totals": totals, "domains": domains}


async def count_in_domain(session: AsyncSession, name: str, slug: str) -> dict[str, int]:
    column, path = COUNTED[name], PATHS[name]
    return await count_by(session, in_domain(select(column), path, slug), column)


def in_domain(query: Any, path: list[Any], slug: str) -> Any:
    query = query.select_from(path[0])
    for parent in path[1:]:
        query = query.join(parent)
    return query.where(path[-1].domain_slug == slug)


async def count_by(session: AsyncSession, query: Any, column: Any) -> dict[str, int]:
    grouped = query.add_columns(func.count()).group_by(column).order_by(column)
    return {value: count for value, count in await session.execute(grouped)}


async def tasks_needing_human(session: AsyncSession, slug: str) -> int:
    query = in_domain(select(func.count()), PATHS["tasks"], slug).where(Task.needs_human)
    return (await session.execute(query)).scalar_one()


async def last_change(session: AsyncSession, slug: str) -> datetime | None:
    changes = []
    for table in (Topic, Workstream, Task, Repo):
        query = in_domain(select(func.max(table.updated_at)), PATHS[table.__tablename__], slug)
        changes.append((await session.execute(query)).scalar_one())
    return max((change for change in changes if change is not None), default=None)


async def latest_events(session: AsyncSession, slug: str) -> list[dict[str, Any]]:
    columns = (ProgressEvent.occurred_at, ProgressEvent.kind, ProgressEvent.message)
    query = in_domain(select(*columns), PATHS["progress_events"], slug)
    newest_first = query.order_by(ProgressEvent.occurred_at.desc(), ProgressEvent.id).limit(3)
    return [dict(row._mapping) for row in await session.execute(newest_first)]
