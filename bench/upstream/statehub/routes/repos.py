"""/repos/: slow because each repo loads its goals and its domain, and the domain all its related rows."""

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from .. import models, schemas
from .common import all_of, find, get_session

router = APIRouter(prefix="/repos")


@router.get("/", response_model=list[schemas.Repo])
async def list_repos(session: AsyncSession = Depends(get_session)):
    return await all_of(session, models.Repo)


@router.get("/{repo_id}", response_model=schemas.Repo)
async def get_repo(repo_id: str, session: AsyncSession = Depends(get_session)):
    return await find(session, models.Repo, repo_id)
