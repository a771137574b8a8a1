"""/sbom/snapshots/: slow because the latest of each repo is found without an index; see models.SbomSnapshot."""

from fastapi import APIRouter, Depends
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from .. import models, schemas
from .common import get_session

router = APIRouter(prefix="/sbom")

other = aliased(models.SbomSnapshot)
latest_of_same_repo = (
    select(func.max(other.snapshot_at))
    .where(other.repo_id == models.SbomSnapshot.repo_id)
    .correlate(models.SbomSnapshot)
    .scalar_subquery()
)


@router.get("/snapshots/", response_model=list[schemas.SbomSnapshot])
async def list_latest_snapshots(session: AsyncSession = Depends(get_session)):
    query = (
        select(models.SbomSnapshot)
        .where(models.SbomSnapshot.snapshot_at == latest_of_same_repo)
        .order_by(models.SbomSnapshot.repo_id)
    )
    return (await session.execute(query)).scalars().all()
