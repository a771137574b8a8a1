"""Assembles the application."""

from collections import Counter
from pathlib import Path
from typing import Callable

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.middleware.cors import CORSMiddleware

from .broker import Broker
from .middleware import EntityTags, RequestCounter, Stamp
from .routes import domains, live, repos, sbom, state, tasks, topics, workstreams


def create_app(
    sessions: Callable[[], AsyncSession], tree: Path, broker: Broker, origins: list[str], entity_tags: bool,
    stamp: bool = False,
) -> FastAPI:
    app = FastAPI(title="State Hub")
    app.state.sessions = sessions
    app.state.tree = tree
    app.state.broker = broker
    app.state.counts = Counter()
    for module in (domains, topics, workstreams, tasks, repos, sbom, state, live):
        app.include_router(module.router)
    # Each wraps the previous ones: a request is counted first, and a 304 has the CORS headers too.
    if stamp:
        app.add_middleware(Stamp)
    if entity_tags:
        app.add_middleware(EntityTags)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
    app.add_middleware(RequestCounter, counts=app.state.counts)
    return app
