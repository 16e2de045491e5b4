"""What is deployed: one function of Function Compute, its versions and its alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random


@dataclass(frozen=True)
class FcFunction:
    """`versions` maps a version to its code folder; the alias spreads calls over them by `weights`."""

    name: str
    handler: str
    versions: Mapping[str, Path]
    weights: Mapping[str, float]
    initializer: str = ""
    memory_mb: int = 512
    timeout_s: float = 30.0
    limit: int = 6
    environment: Mapping[str, str] = field(default_factory=dict)

    def choose_version(self, random: Random, qualifier: str = "") -> str:
        """The version a qualifier names, or one picked by the alias' weights."""
        if qualifier in self.versions:
            return qualifier
        return random.choices(list(self.weights), list(self.weights.values()))[0]
