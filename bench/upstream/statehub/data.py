"""Generates the data of a recipe if it is missing.

    <directory>/<recipe>/repos/         the tree of repos
    <directory>/<recipe>/statehub.db    the database, unless another one is named
"""

import fcntl
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from sqlalchemy.ext.asyncio import AsyncEngine

from . import database, workplans
from .recipe import Recipe
from .rows import Rows, make_rows


def home_of(directory: Path, recipe: Recipe) -> Path:
    return directory / str(recipe)


def default_database(directory: Path, recipe: Recipe) -> str:
    return f"sqlite+aiosqlite:///{home_of(directory, recipe).absolute() / 'statehub.db'}"


async def ensure(directory: Path, recipe: Recipe, engine: AsyncEngine) -> Path:
    """Returns the tree of repos."""
    home = home_of(directory, recipe)
    home.mkdir(parents=True, exist_ok=True)
    tree = home / "repos"
    with sole_maker(home):
        rows_missing = not await database.holds(engine, recipe)
        if rows_missing or not tree.exists():
            print(f"making data ({recipe})", file=sys.stderr, flush=True)
            rows = make_rows(recipe)
            if not tree.exists():
                make_tree(tree, recipe, rows)
            if rows_missing:
                await database.fill(engine, recipe, rows)
    return tree


@contextmanager
def sole_maker(home: Path) -> Iterator[None]:
    """If two processes start with the same directory, only one generates the data."""
    with open(home / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_tree(tree: Path, recipe: Recipe, rows: Rows) -> None:
    """Renamed to its final name when complete."""
    unfinished = tree.with_name(tree.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    workplans.write_tree(unfinished, recipe, rows)
    unfinished.rename(tree)
