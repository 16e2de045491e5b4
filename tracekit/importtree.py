"""The modules of an import profile as a tree: their sums, and their text when it is sent.

Text form (attribute `tracekit.imports`): a line for each of the heaviest modules, in the order in which their
imports began, as a tree: `depth name total_us self_us memory_kib`. `total` is with the modules it imported in
turn, `self` without them; memory as `Imported` has it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.importprofile import Imported

# What leaves: the modules that took longest. One that is kept has kept parents, which took longer still.
MAX_LINES = 100
MAX_NAME = 120


class ImportTree:
    """Modules in the order in which their imports began. `str()` is the text form, made when it is sent."""

    __slots__ = ("modules",)

    def __init__(self, modules: list[Imported]) -> None:
        self.modules = modules

    @property
    def total_ns(self) -> int:
        """Time spent in all of these imports."""
        return sum([module.self_ns for module in self.modules])

    @property
    def memory(self) -> int:
        """Bytes by which the process grew in them."""
        return sum([module.memory for module in self.modules if not module.depth])

    def __str__(self) -> str:
        ordered = sorted(self.modules, key=lambda module: module.total_ns, reverse=True)
        if len(ordered) > MAX_LINES:
            least = ordered[MAX_LINES - 1].total_ns
            kept = [module for module in self.modules if module.total_ns >= least]
        else:
            kept = self.modules
        return "\n".join(
            [
                f"{m.depth} {m.name[:MAX_NAME]} {m.total_ns // 1000} {m.self_ns // 1000} {m.memory // 1024}"
                for m in kept
            ]
        )
