"""/workstreams/: the index of workplans is slow because each request reads every repo's Markdown files."""

import uuid

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from .. import models, schemas, workplans
from .common import as_column, get_session, now, tell

router = APIRouter(prefix="/workstreams")


# Not `async`, so that the framework runs it on a thread and the scan does not block the other endpoints.
# `refresh` is sent by the dashboard's reload button. It has no effect here, because the index is read at each request.
@router.get("/workplan-index")
def get_workplan_index(request: Request, refresh: bool = False):
    return workplans.read_index(request.app.state.tree)


@router.post("/", response_model=schemas.Workstream, status_code=201)
async def create_workstream(
    new: schemas.NewWorkstream, request: Request, session: AsyncSession = Depends(get_session)
):
    topic = select(models.Topic.id).where(models.Topic.id == new.topic_id)
    if (await session.execute(topic)).scalar_one_or_none() is None:
        raise HTTPException(status_code=404, detail="Topic not found")
    at = now()
    values = {**dict(new), "due_at": as_column(new.due_at)}
    workstream = models.Workstream(
        **values, id=str(uuid.uuid4()), percent_done=0, created_at=at, updated_at=at
    )
    session.add(workstream)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(status_code=409, detail="A workstream with this slug exists") from None
    tell(request, "workstream.created", workstream.id)
    return workstream
