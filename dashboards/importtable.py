"""The modules a cold start imported, as such and as lines of text: from `tracekit.imports` (docs/sdk.md).

Anybody may send that attribute: lines that are not of its form are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from collector.model import Span
from dashboards.format import duration, size

# depth name total_us self_us memory_kib
_LINE = re.compile(r"(\d{1,3}) (\S{1,200}) (\d{1,15}) (\d{1,15}) (-?\d{1,12})")
MAX_LINES = 300
MAX_DEPTH = 20  # deeper modules are drawn at this indentation


@dataclass(frozen=True, slots=True)
class Import:
    """One module; `total_us` with the modules it imported in turn, `self_us` without them."""

    depth: int
    name: str
    total_us: int
    self_us: int
    memory_kib: int

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


def imports_of(span: Span) -> list[Import]:
    """The modules a span tells of, in the order in which their imports began; none where it tells of none."""
    written = span.attributes.get("tracekit.imports")
    if not isinstance(written, str):
        return []
    found = (_LINE.fullmatch(line) for line in written.split("\n")[:MAX_LINES])
    return [
        Import(min(int(depth), MAX_DEPTH), name, int(total), int(own), int(memory))
        for depth, name, total, own, memory in (match.groups() for match in found if match)
    ]


def import_table(span: Span) -> dict[str, str] | None:
    """Title and text of the table; None where the span tells of no imports."""
    found = imports_of(span)
    if not found:
        return None
    rows = [_row(module) for module in found]
    head = f"{'total':>9} {'self':>9} {'memory':>10}  module"
    return {"title": _title(span, len(rows)), "text": "\n".join([head, *rows])}


def _row(module: Import) -> str:
    total, own = duration(module.total_us * 1000), duration(module.self_us * 1000)
    memory = size(max(module.memory_kib, 0) * 1024)
    return f"{total:>9} {own:>9} {memory:>10}  {'  ' * module.depth}{module.name}"


def _title(span: Span, shown: int) -> str:
    count: Any = span.attributes.get("tracekit.imports.count")
    took: Any = span.attributes.get("tracekit.imports.duration_ms")
    title = f"Imports ({count:,})" if type(count) is int and count >= shown else f"Imports ({shown})"
    if type(count) is int and count > shown:
        title += f", the {shown} heaviest"
    return f"{title} · {duration(took * 1e6)}" if type(took) is float and 0 <= took < 1e9 else title
