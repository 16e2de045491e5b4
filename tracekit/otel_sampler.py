"""Samplers of opentelemetry-sdk, asked about our traces: one that OTEL_TRACES_SAMPLER names and that an
installed package provides, or that of a provider the user has set."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision
from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context

from tracekit.otel_identity import otel_context
from tracekit.sampling import Sampler, Sampling, adjusted_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.keep import Rules
    from tracekit.pipeline import Everything
    from tracekit.span import SpanContext, Trace

_ENTRY_POINTS = "opentelemetry_traces_sampler"
# What the samplers that come with opentelemetry-sdk say of themselves, and our name of the same.
_NAMES = {"AlwaysOnSampler": "always_on", "AlwaysOffSampler": "always_off"}
_RATIO = "TraceIdRatioBased{"
_DEFAULT: str = DEFAULT_ON.get_description()  # type: ignore[no-untyped-call]
_PARENT_BASED, _DELEGATES = _DEFAULT.split("AlwaysOnSampler", 1)
_FIRST_KIND = 1  # opentelemetry numbers its kinds from 0, OTLP from 1


class ForeignSampler(Sampler):
    """Asks a sampler of opentelemetry-sdk once for each local root."""

    __slots__ = ("_theirs",)

    def __init__(self, theirs: Any, rules: Rules | None = None) -> None:
        super().__init__(rules=rules)
        self._theirs = theirs

    def admit(
        self,
        trace: Trace,
        parent: SpanContext | None,
        name: str = "",
        kind: int = _FIRST_KIND,
        attributes: dict[str, Any] | None = None,
    ) -> bool:
        if parent is not None and not parent.remote:
            return parent.sampled
        above = Context()
        if parent is not None:
            above = set_span_in_context(NonRecordingSpan(otel_context(parent)), above)
        result = self._theirs.should_sample(above, trace.tid, name, SpanKind(kind - _FIRST_KIND), attributes)
        if result.trace_state is not None:
            trace.state = result.trace_state.to_header()
        sampled = result.decision is Decision.RECORD_AND_SAMPLE
        trace.sampling = Sampling(sampled, adjusted_count(trace.state), self.rules)
        trace.sampling.attributes = result.attributes
        return sampled or self.rules is not None


def adopt(theirs: Any, ours: Sampler | Everything) -> Sampler:
    """A sampler of ours that decides as theirs does, with our keep rules."""
    text = theirs.get_description()
    prefix = ""
    if text.startswith(_PARENT_BASED) and text.endswith(_DELEGATES):
        prefix, text = "parentbased_", text[len(_PARENT_BASED) : -len(_DELEGATES)]
    if text in _NAMES:
        return Sampler(prefix + _NAMES[text], rules=ours.rules)
    if text.startswith(_RATIO) and text.endswith("}"):
        return Sampler(f"{prefix}traceidratio", float(text[len(_RATIO) : -1]), rules=ours.rules)
    return ForeignSampler(theirs, ours.rules)


def named(name: str, argument: str, rules: Rules | None) -> Sampler:
    """The sampler an installed package provides under the name. Raises LookupError if none does."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=_ENTRY_POINTS, name=name):
        return ForeignSampler(entry.load()(argument or None), rules)
    raise LookupError(f"no installed package provides a sampler named {name!r}")
