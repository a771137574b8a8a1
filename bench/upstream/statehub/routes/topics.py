"""/topics/: slow because a list of topics is sent with every workstream, decision and progress event of each."""

import uuid

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from .. import models, schemas
from .common import all_of, find, get_session, now, tell

router = APIRouter(prefix="/topics")


@router.get("/", response_model=list[schemas.Topic])
async def list_topics(session: AsyncSession = Depends(get_session)):
    return await all_of(session, models.Topic)


@router.get("/{topic_id}", response_model=schemas.Topic)
async def get_topic(topic_id: str, session: AsyncSession = Depends(get_session)):
    return await find(session, models.Topic, topic_id)


@router.post("/", response_model=schemas.Topic, status_code=201)
async def create_topic(new: schemas.NewTopic, request: Request, session: AsyncSession = Depends(get_session)):
    domain = select(models.Domain.id).where(models.Domain.slug == new.domain_slug)
    if (await session.execute(domain)).scalar_one_or_none() is None:
        raise HTTPException(status_code=404, detail="Domain not found")
    at = now()
    topic = models.Topic(**dict(new), id=str(uuid.uuid4()), health="green", created_at=at, updated_at=at)
    session.add(topic)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(status_code=409, detail="A topic with this slug exists") from None
    tell(request, "topic.created", topic.id)
    return await find(session, models.Topic, topic.id)


@router.patch("/{topic_id}", response_model=schemas.Topic)
async def change_topic(
    topic_id: str, patch: schemas.TopicPatch, request: Request, session: AsyncSession = Depends(get_session)
):
    topic = await find(session, models.Topic, topic_id)
    for name, value in patch.changes().items():
        setattr(topic, name, value)
    topic.updated_at = now()
    await session.commit()
    tell(request, "topic.updated", topic_id)
    return topic
