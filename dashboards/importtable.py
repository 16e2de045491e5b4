"""The modules a cold start imported, as lines of text: from the attribute `tracekit.imports` (docs/sdk.md).

Anybody may send that attribute: lines that are not of its form are left out.
"""

from __future__ import annotations

import re
from typing import Any

from collector.model import Span
from dashboards.format import duration, size

# depth name total_us self_us memory_kib
_LINE = re.compile(r"(\d{1,3}) (\S{1,200}) (\d{1,15}) (\d{1,15}) (-?\d{1,12})")
MAX_LINES = 300
MAX_DEPTH = 20  # deeper modules are drawn at this indentation


def import_table(span: Span) -> dict[str, str] | None:
    """Title and text of the table; None where the span tells of no imports."""
    written = span.attributes.get("tracekit.imports")
    if not isinstance(written, str):
        return None
    found = [match.groups() for line in written.split("\n")[:MAX_LINES] if (match := _LINE.fullmatch(line))]
    if not found:
        return None
    rows = [_row(*fields) for fields in found]
    head = f"{'total':>9} {'self':>9} {'memory':>10}  module"
    return {"title": _title(span, len(rows)), "text": "\n".join([head, *rows])}


def _row(depth: str, name: str, total: str, own: str, memory: str) -> str:
    figures = (duration(int(total) * 1000), duration(int(own) * 1000), size(max(int(memory), 0) * 1024))
    indent = "  " * min(int(depth), MAX_DEPTH)
    return f"{figures[0]:>9} {figures[1]:>9} {figures[2]:>10}  {indent}{name}"


def _title(span: Span, shown: int) -> str:
    count: Any = span.attributes.get("tracekit.imports.count")
    took: Any = span.attributes.get("tracekit.imports.duration_ms")
    title = f"Imports ({count:,})" if type(count) is int and count >= shown else f"Imports ({shown})"
    if type(count) is int and count > shown:
        title += f", the {shown} heaviest"
    return f"{title} · {duration(took * 1e6)}" if type(took) is float and 0 <= took < 1e9 else title
