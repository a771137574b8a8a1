"""Which database, and how it is spoken to: as the API does it. See alembic.ini."""

import asyncio
import sys
from pathlib import Path

from alembic import context
from alembic.util import CommandError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from statehub import database  # noqa: E402


def url() -> str:
    named = context.get_x_argument(as_dictionary=True).get("database")
    if not named:
        raise CommandError("which database? -x database=postgresql+asyncpg://USER@HOST/NAME, in front of upgrade or downgrade")
    return named


def migrate(connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def online() -> None:
    engine = database.open_engine(url())
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


if context.is_offline_mode():
    context.configure(url=url(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(online())
