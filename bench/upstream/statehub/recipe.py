"""What a data set is made from: the same recipe makes the same rows and the same files."""

from dataclasses import dataclass

# To be raised with every change to what the generator makes: data of an older version is not used again.
GENERATOR_VERSION = 1


@dataclass(frozen=True)
class Recipe:
    scale: float
    seed: int

    def __str__(self) -> str:
        return f"scale-{self.scale:g}-seed-{self.seed}-v{GENERATOR_VERSION}"

    def count(self, at_full_scale: int, at_least: int) -> int:
        return max(at_least, round(at_full_scale * self.scale))

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
        return self.count(12_000, at_least=40)

    @property
    def snapshots(self) -> int:
        return self.count(2_000, at_least=12)
