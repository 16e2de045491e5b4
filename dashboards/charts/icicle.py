"""What a cold start imported, as an icicle: below each module those it imported, as wide as they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.importtable import Import

# Narrower ones cannot be seen, in percent of the width.
NARROWEST = 0.15
DEEPEST = 12
ROW = 20
# Colours that stay apart; a module keeps its package's.
_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """A module, placed in percent of the width and in rows from the top."""

    module: Import
    x: float
    width: float
    row: int
    css: str


@dataclass(frozen=True, slots=True)
class Icicle:
    """`total_us` is what the whole width stands for. `heaviest` are modules by their own time, most first."""

    blocks: tuple[Block, ...]
    total_us: int
    rows: int
    heaviest: tuple[Import, ...]

    @property
    def height(self) -> int:
        return self.rows * ROW


def icicle(imports: Sequence[Import], heaviest: int = 8) -> Icicle | None:
    """None where there is nothing to draw. Modules in the order in which their imports began."""
    total = sum(module.total_us for module in imports if module.depth == 0) or sum(m.self_us for m in imports)
    if not total:
        return None
    blocks: list[Block] = []
    # Where the next module of each depth begins, in microseconds from the left.
    begins = [0]
    colours: dict[str, str] = {}
    for module in imports:
        depth = min(module.depth, len(begins) - 1)
        at = begins[depth]
        begins[depth] = at + module.total_us
        begins[depth + 1 :] = [at]
        x, width = 100 * at / total, 100 * module.total_us / total
        if width >= NARROWEST and depth < DEEPEST:
            css = colours.setdefault(module.package, f"s{len(colours) % _COLOURS + 1}")
            blocks.append(Block(module, round(x, 3), round(min(width, 100 - x), 3), depth, css))
    ordered = sorted(imports, key=lambda module: (-module.self_us, module.name))
    rows = 1 + max((block.row for block in blocks), default=0)
    return Icicle(tuple(blocks), total, rows, tuple(ordered[:heaviest]))
