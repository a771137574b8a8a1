"""Words, phrases and sentences, for data that compresses like real notes."""

from random import Random

AREAS = [
    "billing", "catalogue", "checkout", "delivery", "identity", "inventory", "ledger", "messaging", "payments",
    "pricing", "reporting", "search", "shipping", "storage", "telemetry", "tenancy",
]
PARTS = [
    "adapter", "archive", "batch", "cache", "client", "cluster", "console", "contract", "dashboard", "exporter",
    "gateway", "importer", "index", "journal", "migration", "pipeline", "planner", "queue", "registry", "replica",
    "rollout", "scheduler", "schema", "service", "snapshot", "store", "stream", "sync", "validator", "worker",
]
VERBS = [
    "adopt", "audit", "consolidate", "document", "extend", "harden", "instrument", "isolate", "measure", "migrate",
    "parallelise", "prune", "rebuild", "reconcile", "replace", "retire", "review", "simplify", "split", "stabilise",
]
QUALITIES = [
    "backward compatible", "bounded", "consistent", "durable", "fast enough", "idempotent", "observable",
    "predictable", "read-only", "recoverable", "reproducible", "resumable", "reversible", "secure", "stateless",
]
REASONS = [
    "after the last load test", "before the freeze", "because two teams depend on it", "for the quarterly review",
    "in every region", "once the old path is gone", "so that a restart loses nothing", "to halve the nightly run",
    "under twice the present load", "until the contract is settled", "while both versions are live",
    "with the numbers to show for it", "without a second deployment", "without downtime",
]
OWNERS = ["core", "data", "edge", "growth", "platform", "quality", "reliability", "tooling"]
LANGUAGES = ["C++", "Go", "Java", "Python", "Rust", "TypeScript"]
LICENSES = ["Apache-2.0", "BSD-3-Clause", "GPL-2.0", "ISC", "LGPL-2.1", "MIT", "MPL-2.0", "Zlib"]
TAGS = ["api", "compliance", "cost", "debt", "latency", "on-call", "privacy", "reliability", "release", "usability"]


def phrase(rng: Random) -> str:
    return f"{rng.choice(VERBS)} the {rng.choice(AREAS)} {rng.choice(PARTS)}"


def title(rng: Random) -> str:
    return phrase(rng).capitalize()


def sentence(rng: Random) -> str:
    return f"{title(rng)} and keep the {rng.choice(PARTS)} {rng.choice(QUALITIES)} {rng.choice(REASONS)}."


def paragraph(rng: Random, sentences: int) -> str:
    return " ".join(sentence(rng) for _ in range(sentences))


def slug(rng: Random, number: int) -> str:
    """Unique for each number."""
    return f"{rng.choice(AREAS)}-{rng.choice(PARTS)}-{number:04d}"


def tags(rng: Random) -> list[str]:
    return sorted(rng.sample(TAGS, rng.randrange(2, 5)))
