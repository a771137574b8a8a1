"""/domains/: slow because each domain loads its topics, and each topic all its related rows."""

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from .. import models, schemas
from .common import all_of, find, get_session

router = APIRouter(prefix="/domains")


@router.get("/", response_model=list[schemas.Domain])
async def list_domains(session: AsyncSession = Depends(get_session)):
    return await all_of(session, models.Domain)


@router.get("/{domain_id}", response_model=schemas.Domain)
async def get_domain(domain_id: str, session: AsyncSession = Depends(get_session)):
    return await find(session, models.Domain, domain_id)
