"""The spans of a process's phases before its first call (decision 0002). Loaded when they are to be made."""

from __future__ import annotations

from tracekit.importtree import ImportTree
from tracekit.span import INTERNAL, Span, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.importprofile import Imported
    from tracekit.span import SpanContext


def unfinished(start: int, loading: int) -> list[Span]:
    """ColdStart and FunctionInitialization: begun at these moments, going on, in a trace of their own."""
    trace = Trace()
    whole = _phase("ColdStart", "cold_start", None, trace, start, 0)
    return [whole, _phase("FunctionInitialization", "function_init", whole, trace, loading, 0)]


def phases(
    parent: Span | SpanContext | None,
    trace: Trace,
    moments: tuple[int, int, int],
    imports: tuple[list[Imported], list[Imported]],
    kind: str,
) -> list[Span]:
    """ColdStart, RuntimeInitialization and FunctionInitialization.

    `moments` are Unix nanoseconds: the process starts, its function begins to load, and is loaded. `imports`
    are what was imported by the runtime and by the function. `kind` is tracekit.initialization_type.
    """
    begin, loading, loaded = moments
    whole = _phase("ColdStart", "cold_start", parent, trace, begin, loaded)
    if kind:
        whole.set_attribute("tracekit.initialization_type", kind)
    runtime = _phase("RuntimeInitialization", "runtime_init", whole, trace, begin, loading)
    function = _phase("FunctionInitialization", "function_init", whole, trace, loading, loaded)
    _describe_imports(runtime, imports[0])
    _describe_imports(function, imports[1])
    return [whole, runtime, function]


def complete(made: list[Span], initializers: list[Span], begun: list[Span]) -> list[Span]:
    """The phases with the initializers below them, and what else must be sent so that nothing of `begun`,
    which was sent before its end, stays unfinished."""
    cold_start, _, function = made
    for span in initializers:
        _adopt(span, cold_start)
        cold_start.end = max(cold_start.end, span.end)
    return [*made, *initializers, *_settled(begun, [cold_start, function])]


def _phase(
    name: str, phase: str, parent: Span | SpanContext | None, trace: Trace, start: int, end: int
) -> Span:
    span = Span(name, INTERNAL, parent, trace, start, {"tracekit.phase": phase})
    span.end = end
    return span


def _describe_imports(phase: Span, modules: list[Imported]) -> None:
    imports = ImportTree(modules)
    if modules and phase.attributes is not None:
        phase.attributes["tracekit.imports.count"] = len(modules)
        phase.attributes["tracekit.imports.duration_ms"] = imports.total_ns / 1e6
        phase.attributes["tracekit.imports.memory"] = imports.memory
        phase.attributes["tracekit.imports"] = imports


def _settled(begun: list[Span], finished: list[Span]) -> list[Span]:
    """What else must be sent so that nothing that was sent unfinished stays so."""
    rest = []
    for before, after in zip(begun, finished):
        if before.tid == after.tid:
            after.sid = before.sid
        else:  # the first call has a caller in another trace
            before.end = after.end
            before.add_link(after.context)
            rest.append(before)
    return rest


def _adopt(span: Span, parent: Span) -> None:
    trace = parent.trace
    # The initializer ran before any trace was known. If its ids went out meanwhile (it called something, or
    # hung for a while), its spans must stay in their own trace, and a link connects the two.
    if span.trace.identified and span.trace.tid != trace.tid:
        parent.add_link(span.context)
    else:
        span.trace.tid, span.trace.state = trace.tid, trace.state
        span.trace.sampling = trace.sampling
        span.parent = parent
