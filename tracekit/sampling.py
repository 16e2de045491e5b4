"""Which traces are recorded: opentelemetry's standard samplers, by their standard names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.config import Config
    from tracekit.span import SpanContext


class Sampler:
    """Decides once for each local root."""

    __slots__ = ("_bound", "_follow_parent")

    def __init__(self, name: str = "parentbased_always_on", ratio: float = 1.0) -> None:
        self._follow_parent = name.startswith("parentbased")
        share = {"always_on": 1.0, "always_off": 0.0}.get(name.removeprefix("parentbased_"), ratio)
        # The low 64 bits decide, as in opentelemetry's TraceIdRatioBased, so that both agree on a trace.
        self._bound = round(share * (1 << 64))

    @classmethod
    def of(cls, config: Config) -> Sampler:
        """The sampler the configuration names."""
        return cls(config.sampler, config.sampler_ratio)

    @property
    def never(self) -> bool:
        """Whether no new trace is ever recorded."""
        return self._bound == 0

    def keep(self, trace: int, parent: SpanContext | None) -> bool:
        """Whether spans below this root are recorded."""
        if parent is not None and self._follow_parent:
            return parent.sampled
        return trace & 0xFFFFFFFFFFFFFFFF < self._bound
