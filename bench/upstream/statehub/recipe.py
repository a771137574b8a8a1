"""The parameters of a data set: equal recipes produce equal rows and files."""

from dataclasses import dataclass

# To be incremented with every change of the generated data, so that data of an older version is not reused.
GENERATOR_VERSION = 1

# Data whose amount can be changed independently of the scale: each makes some of the endpoints slow.
MAY_BE_MORE = {
    "events": "progress events of a topic",  # topics, domains, repos; all are loaded, the last few are sent
    "tasks": "tasks",
    "snapshots": "snapshots of a repo's SBOM",
    "steps": "steps of a workplan",  # the index
}


@dataclass(frozen=True)
class Recipe:
    scale: float
    seed: int
    more: tuple[tuple[str, float], ...] = ()  # names of MAY_BE_MORE and factors

    def __str__(self) -> str:
        more = "".join(f"-{name}-{factor:g}" for name, factor in sorted(self.more) if factor != 1)
        return f"scale-{self.scale:g}-seed-{self.seed}-v{GENERATOR_VERSION}{more}"

    def count(self, at_full_scale: int, at_least: int, name: str | None = None) -> int:
        return max(at_least, round(at_full_scale * self.scale * self.factor(name)))

    def each(self, usually: int, name: str) -> int:
        """The number of something that does not depend on the scale."""
        return max(1, round(usually * self.factor(name)))

    def factor(self, name: str | None) -> float:
        return dict(self.more).get(name, 1.0)

    @property
    def domains(self) -> int:
        return self.count(16, at_least=2)

    @property
    def topics(self) -> int:
        return self.count(144, at_least=4)

    @property
    def repos(self) -> int:
        return self.count(120, at_least=4)

    @property
    def tasks(self) -> int:
        return self.count(12_000, at_least=40, name="tasks")

    @property
    def snapshots(self) -> int:
        return self.count(2_000, at_least=12, name="snapshots")

    @property
    def events_per_topic(self) -> int:
        return self.each(200, "events")

    @property
    def steps_per_workplan(self) -> int:
        return self.each(12, "steps")
