"""Knowledge flows one way: DESIGN.md's import rule, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MODEL = ("collector.model", "collector.model_logs", "collector.model_metrics", "collector.batch")
# Each room and the rooms of ours it may import; the first match by longest prefix decides.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "tracekit": ("tracekit",),
    "tracekit.server": ("tracekit", "collector", "dashboards"),
    "tracekit.serverfacts": ("tracekit", "collector.decode", "collector.settings"),
    "tracekit.token": ("tracekit", "collector.tokenfile"),
    "tracekit.copies": ("tracekit", "collector.backup", "collector.errands", "collector.storage.base"),
    "collector.allocator": (),
    "collector.arrow": (),
    "collector.model": ("collector.arrow", "collector.jsonvalue"),
    "collector.model_logs": ("collector.arrow", "collector.model"),
    "collector.model_metrics": ("collector.arrow", "collector.model"),
    "collector.batch": ("collector.model", "collector.model_logs", "collector.model_metrics"),
    "collector.interpreter": (),
    "collector.jsonvalue": (),
    "collector.payload": (),
    "collector.stopping": (),
    "collector.settings": (),
    "collector.logformat": (),
    "collector.errands": (),
    "collector.folders": (),
    "collector.backup": ("collector.errands", "collector.storage.base", "collector.storage.duckdb"),
    "collector.retention": ("collector.settings", "collector.storage.base"),
    "collector.configfile": ("collector.settings",),
    "collector.tokenfile": ("collector.configfile", "collector.receivers.access", "collector.settings"),
    "collector.decode": (
        "collector.arrow",
        *MODEL,
        "collector.payload",
        "collector.jsonvalue",
        "collector.decode",
    ),
    "collector.journal": ("collector.folders", "collector.journal", "collector.payload"),
    "collector.ingest": (
        "collector.folders",
        "collector.ingest",
        *MODEL,
        "collector.payload",
        "collector.storage.base",
        "collector.decode",
        "collector.journal",
    ),
    "collector.receivers": (
        "collector.receivers",
        "collector.decode",
        "collector.ingest",
        "collector.payload",
        "collector.storage.base",
        "collector.model",
        "collector.settings",
    ),
    "collector.storage": (
        "collector.arrow",
        *MODEL,
        "collector.folders",
        "collector.jsonvalue",
        "collector.storage",
    ),
    "collector.storage.base": (*MODEL, "collector.storage.spanset"),
    "collector.storage.spanset": (),
    "collector.storage.logs": (*MODEL, "collector.storage.base", "collector.storage.figures"),
    "collector.storage.metrics": (*MODEL, "collector.storage.base"),
    "collector.storage.usage": ("collector.storage.base",),
    "collector.storage.figures": (),
    "collector.storage.spanseries": ("collector.storage.base", "collector.storage.spanset"),
    "collector.export": (
        *MODEL,
        "collector.jsonvalue",
        "collector.storage.base",
        "collector.storage.logs",
        "collector.storage.metrics",
        "collector.storage.signal_rows",
    ),
    "collector.analysis": (
        "collector.model",
        "collector.model_logs",
        "collector.storage.base",
        "collector.storage.failures",
        "collector.storage.spanseries",
        "collector.storage.spanset",
        "collector.storage.usage",
        "collector.analysis",
    ),
    "collector.alerts": (
        "collector.model",
        "collector.storage.base",
        "collector.analysis",
        "collector.alerts",
        "collector.control",
    ),
    "collector.control": ("collector.storage.base",),
    "collector.triage": ("collector.control", "collector.triage"),
    "collector.views": ("collector.control", "collector.views"),
    "collector.forward": ("collector.forward", "collector.decode", "collector.payload"),
    # What runs in the child imports nothing of ours: it is started as a file of its own.
    "collector.sqlchild": ("collector.sqlchild", "collector.control", "collector.storage.base"),
    "collector.api": (
        "collector.api",
        "collector.decode",
        "collector.forward",
        "collector.export",
        "collector.ingest",
        "collector.storage.base",
        "collector.storage.keys",
        "collector.storage.logs",
        "collector.storage.metrics",
        "collector.receivers.asgi",
        "collector.receivers.counts",
    ),
    "collector.app": ("collector",),
    "dashboards": (
        "dashboards",
        *MODEL,
        "collector.jsonvalue",
        "collector.storage.base",
        "collector.storage.keys",
        "collector.storage.logs",
        "collector.storage.metrics",
        "collector.storage.figures",
        "collector.storage.spanseries",
        "collector.storage.usage",
        "collector.analysis",
        "collector.export",
        "collector.alerts",
        "collector.triage",
        "collector.views",
        "collector.sqlchild",
        "collector.storage.spanset",
        # A trace that is opened from a file is decoded as one that is received.
        "collector.decode.otlp_json",
        "collector.decode.result",
        "collector.storage.rows",
    ),
}
OURS = ("tracekit", "collector", "dashboards")


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imports(name: str, path: Path) -> set[str]:
    """Modules of ours that the source names, `from x import y` counted as x.y where that is a module."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    known = {module for module, _ in modules()}
    found: set[str] = set()
    for node in _runtime_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.add(whole if whole in known else base)
    return {module for module in found if module.split(".")[0] in OURS}


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:`: names for the type checker create no dependency."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _runtime_nodes(child)


def allowed(name: str) -> tuple[str, ...]:
    room = max((r for r in MAY_IMPORT if name == r or name.startswith(r + ".")), key=len)
    return MAY_IMPORT[room]


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_lies_below_it(name: str, path: Path) -> None:
    if name == "collector":
        return
    fine = allowed(name)
    for target in imports(name, path):
        inside = any(target == room or target.startswith(room + ".") for room in fine)
        assert inside, f"{name} may not import {target}"


def test_there_is_no_import_cycle() -> None:
    graph = {name: imports(name, path) - {name} for name, path in modules()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module in done:
            return
        for target in graph.get(module, ()):
            visit(target, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())
