"""Shared by the endpoints: the session, one row or 404, the time of a write, and its announcement."""

from datetime import datetime, timezone
from typing import Any, AsyncIterator

from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session


async def find(session: AsyncSession, model: Any, identifier: str) -> Any:
    """The row as it is in the database now, with the related rows that its model loads."""
    query = select(model).where(model.id == identifier).execution_options(populate_existing=True)
    row = (await session.execute(query)).scalars().one_or_none()
    if row is None:
        raise HTTPException(status_code=404, detail=f"{model.__name__} not found")
    return row


async def all_of(session: AsyncSession, model: Any) -> list[Any]:
    return (await session.execute(select(model).order_by(model.slug))).scalars().all()


def now() -> datetime:
    return as_column(datetime.now(timezone.utc))


def as_column(instant: datetime) -> datetime:
    """Without a time zone, in UTC, like the columns; a time without a zone counts as UTC."""
    return instant.astimezone(timezone.utc).replace(tzinfo=None) if instant.tzinfo else instant


def tell(request: Request, kind: str, identifier: str) -> None:
    request.app.state.broker.publish(kind, identifier)
