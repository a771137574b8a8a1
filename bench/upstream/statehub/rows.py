"""The rows of a data set, generated only from its recipe: no clock, no environment, one random sequence per table."""

import uuid
from datetime import datetime, timedelta
from random import Random
from typing import Any, Iterator

from . import vocabulary
from .recipe import Recipe

Row = dict[str, Any]
Rows = dict[str, list[Row]]

FIRST_DAY = datetime(2024, 1, 1)
DAYS = 500

WORKSTREAMS_PER_TOPIC = 8
DECISIONS_PER_TOPIC = 8
MILESTONES_PER_WORKSTREAM = 2
GOALS_PER_REPO = 10


def make_rows(recipe: Recipe) -> Rows:
    """By table name, ordered so that each row follows the rows that it refers to."""

    def stream(table: str) -> Random:
        return Random(f"{table} {recipe.seed}")

    rows: Rows = {}
    rows["domains"] = list(domains(stream("domains"), recipe.domains))
    rows["topics"] = list(topics(stream("topics"), recipe.topics, rows["domains"]))
    rows["workstreams"] = list(workstreams(stream("workstreams"), rows["topics"]))
    rows["decisions"] = list(decisions(stream("decisions"), rows["topics"]))
    rows["progress_events"] = list(progress_events(stream("progress_events"), recipe.events_per_topic, rows["topics"]))
    rows["milestones"] = list(milestones(stream("milestones"), rows["workstreams"]))
    rows["tasks"] = list(tasks(stream("tasks"), recipe.tasks, rows["workstreams"]))
    rows["repos"] = list(repos(stream("repos"), recipe.repos, rows["domains"]))
    rows["goals"] = list(goals(stream("goals"), rows["repos"]))
    rows["sbom_snapshots"] = list(sbom_snapshots(stream("sbom_snapshots"), recipe.snapshots, rows["repos"]))
    return rows


def identifier(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def instant(rng: Random, day_from: int = 0, day_to: int = DAYS) -> datetime:
    return FIRST_DAY + timedelta(seconds=rng.randrange(day_from * 86_400, day_to * 86_400))


def dates(rng: Random, created: datetime | None = None) -> Row:
    created = created or instant(rng)
    return {"created_at": created, "updated_at": created + timedelta(minutes=rng.randrange(60 * 24 * 30))}


def domains(rng: Random, count: int) -> Iterator[Row]:
    for number in range(count):
        area = vocabulary.AREAS[number % len(vocabulary.AREAS)]
        slug = area if number < len(vocabulary.AREAS) else f"{area}-{number:04d}"
        yield {
            "id": identifier(rng),
            "slug": slug,
            "title": slug.replace("-", " ").capitalize(),
            "description": vocabulary.paragraph(rng, 2),
            "status": "active",
            "owner": rng.choice(vocabulary.OWNERS),
            **dates(rng),
        }


def topics(rng: Random, count: int, in_domains: list[Row]) -> Iterator[Row]:
    for number in range(count):
        yield {
            "id": identifier(rng),
            "slug": vocabulary.slug(rng, number),
            "domain_slug": in_domains[number % len(in_domains)]["slug"],
            "title": vocabulary.title(rng),
            "summary": vocabulary.paragraph(rng, 3),
            "status": rng.choice(["active", "active", "active", "paused", "done"]),
            "priority": rng.choice(["low", "normal", "normal", "high"]),
            "health": rng.choice(["green", "green", "amber", "red"]),
            "owner": rng.choice(vocabulary.OWNERS),
            "tags": vocabulary.tags(rng),
            **dates(rng),
        }


def workstreams(rng: Random, of_topics: list[Row]) -> Iterator[Row]:
    for number in range(len(of_topics) * WORKSTREAMS_PER_TOPIC):
        status = rng.choice(["active", "active", "planned", "blocked", "done"])
        yield {
            "id": identifier(rng),
            "slug": vocabulary.slug(rng, number),
            "topic_id": of_topics[number // WORKSTREAMS_PER_TOPIC]["id"],
            "title": vocabulary.title(rng),
            "goal": vocabulary.sentence(rng),
            "status": status,
            "owner": rng.choice(vocabulary.OWNERS),
            "percent_done": 100 if status == "done" else rng.randrange(100),
            "due_at": instant(rng, DAYS, DAYS + 200),
            **dates(rng),
        }


def decisions(rng: Random, of_topics: list[Row]) -> Iterator[Row]:
    for topic in of_topics:
        for _ in range(DECISIONS_PER_TOPIC):
            yield {
                "id": identifier(rng),
                "topic_id": topic["id"],
                "title": vocabulary.title(rng),
                "context": vocabulary.sentence(rng),
                "outcome": vocabulary.sentence(rng),
                "status": rng.choice(["proposed", "accepted", "accepted", "superseded"]),
                "decided_at": instant(rng),
            }


def progress_events(rng: Random, of_each: int, of_topics: list[Row]) -> Iterator[Row]:
    for topic in of_topics:
        for _ in range(of_each):
            before = rng.randrange(100)
            yield {
                "id": identifier(rng),
                "topic_id": topic["id"],
                "kind": rng.choice(["note", "started", "unblocked", "released", "measured"]),
                "message": vocabulary.sentence(rng),
                "percent_before": before,
                "percent_after": rng.randrange(before, 101),
                "occurred_at": instant(rng),
            }


def milestones(rng: Random, of_workstreams: list[Row]) -> Iterator[Row]:
    for workstream in of_workstreams:
        for _ in range(MILESTONES_PER_WORKSTREAM):
            yield {
                "id": identifier(rng),
                "workstream_id": workstream["id"],
                "title": vocabulary.title(rng),
                "status": rng.choice(["open", "open", "reached", "missed"]),
                "due_at": instant(rng, DAYS - 100, DAYS + 200),
            }


def tasks(rng: Random, count: int, of_workstreams: list[Row]) -> Iterator[Row]:
    # In order of creation, with distinct times, so that the order of the list is unique.
    for second in sorted(rng.sample(range(DAYS * 86_400), count)):
        created = FIRST_DAY + timedelta(seconds=second)
        status = rng.choice(["todo", "todo", "in_progress", "blocked", "review", "done", "done", "done"])
        yield {
            "id": identifier(rng),
            "workstream_id": rng.choice(of_workstreams)["id"],
            "status": status,
            "needs_human": status == "blocked" and rng.random() < 0.5,
            "title": vocabulary.title(rng),
            "detail": vocabulary.sentence(rng),
            "priority": rng.choice(["low", "normal", "normal", "high", "urgent"]),
            "assignee": rng.choice(vocabulary.OWNERS),
            "labels": vocabulary.tags(rng),
            "estimate_hours": rng.randrange(1, 41),
            **dates(rng, created),
        }


def repos(rng: Random, count: int, in_domains: list[Row]) -> Iterator[Row]:
    for number in range(count):
        slug = vocabulary.slug(rng, number)
        yield {
            "id": identifier(rng),
            "slug": slug,
            "domain_slug": in_domains[number % len(in_domains)]["slug"],
            "title": slug.rpartition("-")[0].replace("-", " ").capitalize(),
            "description": vocabulary.paragraph(rng, 2),
            "status": rng.choice(["active", "active", "active", "archived"]),
            "local_path": f"repos/{slug}",
            "default_branch": "main",
            "language": rng.choice(vocabulary.LANGUAGES),
            "tags": vocabulary.tags(rng),
            **dates(rng),
        }


def goals(rng: Random, of_repos: list[Row]) -> Iterator[Row]:
    for repo in of_repos:
        for _ in range(GOALS_PER_REPO):
            yield {
                "id": identifier(rng),
                "repo_id": repo["id"],
                "title": vocabulary.title(rng),
                "metric": rng.choice(["coverage", "latency_p99_ms", "build_minutes", "open_defects", "uptime"]),
                "status": rng.choice(["open", "open", "met", "missed"]),
                "target": round(rng.uniform(1, 100), 2),
                "current": round(rng.uniform(1, 100), 2),
                "due_at": instant(rng, DAYS, DAYS + 200),
                **dates(rng),
            }


def sbom_snapshots(rng: Random, count: int, of_repos: list[Row]) -> Iterator[Row]:
    for number in range(count):
        components = [
            {
                "name": f"{rng.choice(vocabulary.AREAS)}-{rng.choice(vocabulary.PARTS)}",
                "version": f"{rng.randrange(9)}.{rng.randrange(30)}.{rng.randrange(20)}",
                "license": rng.choice(vocabulary.LICENSES),
            }
            for _ in range(12)
        ]
        # A second apart, so that the latest snapshot of a repo is unique.
        taken = FIRST_DAY + timedelta(days=number * DAYS // count, seconds=number)
        yield {
            "id": identifier(rng),
            "repo_id": of_repos[number % len(of_repos)]["id"],
            "snapshot_at": taken,
            "tool": rng.choice(["scanner 3.1", "scanner 3.2"]),
            "component_count": rng.randrange(40, 900),
            "critical_count": rng.randrange(4),
            "high_count": rng.randrange(20),
            "licenses": {name: rng.randrange(1, 200) for name in vocabulary.LICENSES},
            "components": components,
        }

