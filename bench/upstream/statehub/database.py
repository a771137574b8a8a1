"""The database: SQLite in a file, or PostgreSQL, by its URL; and filling it if it has no or other data."""

from typing import Callable

from sqlalchemy import event, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import sessionmaker

from .models import Base, GeneratedData
from .recipe import Recipe
from .rows import Rows


class ForeignTables(Exception):
    """The database has tables with our names that were not created by this program."""


def open_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def set_up(connection, _record):
            # With write-ahead logging, slow readers and writers do not block each other.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")

    return engine


def session_factory(engine: AsyncEngine) -> Callable[[], AsyncSession]:
    return sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


async def holds(engine: AsyncEngine, recipe: Recipe) -> bool:
    async with engine.connect() as connection:
        return await connection.run_sync(recipe_in) == str(recipe)


def recipe_in(connection: Connection) -> str | None:
    if not inspect(connection).has_table(GeneratedData.__tablename__):
        return None
    return connection.execute(select(GeneratedData.recipe)).scalar_one_or_none()


async def fill(engine: AsyncEngine, recipe: Recipe, rows: Rows) -> None:
    """Replaces the data of an earlier recipe. The recipe is written last, so that an interrupted fill is repeated."""
    async with engine.begin() as connection:
        await connection.run_sync(make_tables)
        for table, of_table in rows.items():
            await connection.execute(Base.metadata.tables[table].insert(), of_table)
        await connection.execute(GeneratedData.__table__.insert(), [{"recipe": str(recipe)}])
    if engine.dialect.name == "postgresql":
        async with engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.exec_driver_sql("ANALYZE")


def make_tables(connection: Connection) -> None:
    present = set(inspect(connection).get_table_names())
    ours = present & set(Base.metadata.tables)
    if ours and GeneratedData.__tablename__ not in present:
        raise ForeignTables(f"the database has tables of its own: {', '.join(sorted(ours))}")
    Base.metadata.drop_all(connection)
    # The migrations' version table is dropped with the tables that they changed.
    connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    # The recipe's table first: it marks the others as ours, even if the fill is interrupted.
    GeneratedData.__table__.create(connection)
    Base.metadata.create_all(connection)
