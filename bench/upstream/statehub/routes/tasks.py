"""/tasks/: slow because each task's place in its queue is counted by a scan; see models.Task."""

from typing import Optional

from fastapi import APIRouter, Depends, Query
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from starlette.requests import Request

from .. import models, schemas
from .common import find, get_session, now, tell

router = APIRouter(prefix="/tasks")

older = aliased(models.Task)
queue_position = (
    select(func.count())
    .select_from(older)
    .where(older.status == models.Task.status, older.created_at < models.Task.created_at)
    .correlate(models.Task)
    .scalar_subquery()
)


@router.get("/", response_model=list[schemas.ListedTask])
async def list_tasks(
    limit: int = Query(100, ge=1, le=1000),
    status: Optional[schemas.TaskStatus] = None,
    needs_human: Optional[bool] = None,
    session: AsyncSession = Depends(get_session),
):
    query = select(models.Task, queue_position).order_by(models.Task.created_at.desc()).limit(limit)
    if status is not None:
        query = query.where(models.Task.status == status)
    if needs_human is not None:
        query = query.where(models.Task.needs_human == needs_human)
    tasks = []
    for task, position in await session.execute(query):
        task.queue_position = position
        tasks.append(task)
    return tasks


@router.patch("/{task_id}", response_model=schemas.Task)
async def change_task(
    task_id: str, patch: schemas.TaskPatch, request: Request, session: AsyncSession = Depends(get_session)
):
    task = await find(session, models.Task, task_id)
    for name, value in patch.changes().items():
        setattr(task, name, value)
    task.updated_at = now()
    await session.commit()
    tell(request, "task.updated", task_id)
    return task
