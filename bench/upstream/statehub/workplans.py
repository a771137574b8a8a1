"""The tree of repos: the files that are generated, and the index that is read from them.

A workplan is a Markdown file whose YAML front matter describes one workstream:

    <tree>/<repo>/README.md, docs/notes.md         no front matter
    <tree>/<repo>/workplans/<workstream>.md        one workplan
"""

from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any, Iterator, Optional

import yaml

from . import vocabulary
from .recipe import Recipe
from .rows import Row, Rows


def write_tree(tree: Path, recipe: Recipe, rows: Rows) -> None:
    rng = Random(f"workplans {recipe.seed}")
    for repo in rows["repos"]:
        root = tree / repo["slug"]
        (root / "docs").mkdir(parents=True)
        (root / "workplans").mkdir()
        write(root / "README.md", f"# {repo['title']}\n\n{repo['description']}\n")
        write(root / "docs" / "notes.md", f"# Notes\n\n{vocabulary.paragraph(rng, 12)}\n")
    repos_of: dict[str, list[Row]] = {}
    for repo in rows["repos"]:
        repos_of.setdefault(repo["domain_slug"], []).append(repo)
    domain_of = {topic["id"]: topic["domain_slug"] for topic in rows["topics"]}
    for workstream in rows["workstreams"]:
        repo = rng.choice(repos_of[domain_of[workstream["topic_id"]]])
        if workstream["status"] == "active":
            path = tree / repo["slug"] / "workplans" / f"{workstream['slug']}.md"
            write(path, workplan(rng, workstream, recipe.steps_per_workplan))


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def workplan(rng: Random, workstream: Row, steps: int) -> str:
    front = [
        "---",
        f"id: {workstream['id']}",
        f"slug: {workstream['slug']}",
        f"title: {workstream['title']}",
        f"status: {workstream['status']}",
        f"owner: {workstream['owner']}",
        f"percent_done: {workstream['percent_done']}",
        f"due: {workstream['due_at'].date()}",
        f"tags: [{', '.join(vocabulary.tags(rng))}]",
        "steps:",
    ]
    for number in range(1, steps + 1):
        front += [
            f"  - title: {vocabulary.title(rng)}",
            f"    status: {rng.choice(['todo', 'doing', 'done'])}",
            f"    estimate_days: {rng.randrange(1, 15)}",
            f"    after: {number - 1 or 'null'}",
        ]
    body = f"# {workstream['title']}\n\n{workstream['goal']}\n\n{vocabulary.paragraph(rng, 6)}\n"
    return "\n".join(front) + "\n---\n\n" + body


def read_index(tree: Path) -> dict[str, Any]:
    """Reads the whole tree at each call; nothing is cached."""
    workstreams: dict[str, Any] = {}
    problems: list[dict[str, str]] = []
    for path in markdown_files(tree):
        try:
            front = front_matter(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problems.append({"path": str(path.relative_to(tree)), "problem": str(error)})
            continue
        if front is not None:
            workstreams[front["slug"]] = entry(front, path.relative_to(tree))
    return {
        "generated_at": datetime.now(timezone.utc),
        "count": len(workstreams),
        "problems": problems,
        "workstreams": workstreams,
    }


def markdown_files(tree: Path) -> Iterator[Path]:
    for repo in sorted(tree.iterdir()):
        yield from sorted(repo.rglob("*.md"))


def front_matter(text: str) -> Optional[dict[str, Any]]:
    """None if the file has none, or if it names no workstream."""
    if not text.startswith("---\n"):
        return None
    front, end, _ = text[4:].partition("\n---\n")
    if not end:
        return None
    # PyYAML's loader in Python, as in `yaml.safe_load`, which most programs use. Most of the time is spent here.
    fields = yaml.safe_load(front)
    return fields if isinstance(fields, dict) and "slug" in fields else None


def entry(front: dict[str, Any], path: Path) -> dict[str, Any]:
    steps = front.get("steps") or []
    done = sum(step["status"] == "done" for step in steps)
    return {**front, "repo": path.parts[0], "path": str(path), "steps_total": len(steps), "steps_done": done}
