"""Spans of hours that have passed: written by hand, as the SDK tells such calls, encoded by its encoder."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from tracekit import otlp
from tracekit.span import INTERNAL, SERVER, Event, Link, Span, SpanContext, Trace

MS, SECOND, MINUTE = 10**6, 10**9, 60 * 10**9
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a function, which is what an OTLP resource is."""

    service: str
    name: str
    version: str = "1"
    platform: str = "alibaba_cloud_fc"
    memory_mib: int = 512
    team: str = "shop"

    def resource(self) -> dict[str, Any]:
        return {
            "service.name": self.service,
            "service.version": self.version,
            "service.namespace": self.team,
            "faas.name": self.service,
            "faas.instance": self.name,
            "faas.max_memory": self.memory_mib * MIB,
            "cloud.provider": self.platform.split("_cloud")[0].removesuffix("_lambda"),
            "cloud.platform": self.platform,
            "cloud.region": "eu-central-1",
            "deployment.environment.name": "production",
            "telemetry.sdk.name": "tracekit",
            "telemetry.sdk.language": "python",
        }


class History:
    """Gathers spans; `body` is one OTLP request with all of them. The same seed gives the same spans."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._sent: dict[Instance, list[Span]] = {}

    def span(
        self,
        sender: Instance,
        name: str,
        start_ns: int,
        duration_ns: int,
        kind: int = INTERNAL,
        parent: Span | None = None,
        **attributes: Any,
    ) -> Span:
        """One that is over. Underscores in the names of attributes stand for dots, two of them for one."""
        trace = Trace(parent.tid if parent else self.random.getrandbits(127) | 1)
        said = {
            key.replace("__", "\0").replace("_", ".").replace("\0", "_"): v for key, v in attributes.items()
        }
        span = Span(name, kind, parent, trace, start_ns, {k: v for k, v in said.items() if v is not None})
        span.sid = self.random.getrandbits(63) | 1
        span.end = start_ns + duration_ns
        self._sent.setdefault(sender, []).append(span)
        return span

    def call(
        self, sender: Instance, name: str, start_ns: int, duration_ns: int, kind: int = SERVER, **more: Any
    ) -> Span:
        """A call of a function, with what the SDK tells of every one."""
        attributes: dict[str, Any] = {
            "faas_trigger": "http",
            "faas_coldstart": False,
            "faas_invocation__id": f"{self.random.getrandbits(64):016x}",
            "faas_mem__usage": round(self.random.gauss(96, 1.5) * MIB),
            "tracekit_cpu_utilization": round(self.random.uniform(0.1, 0.4), 3),
            "tracekit_concurrent__invocations": 1,
            "tracekit_phase": "invocation",
        }
        return self.span(sender, name, start_ns, duration_ns, kind, **attributes | more)

    def fail(self, span: Span, kind: str, message: str, stacktrace: str) -> None:
        """The span ended with this exception."""
        said = {"exception.type": kind, "exception.message": message, "exception.stacktrace": stacktrace}
        span.extra.events.append(Event("exception", span.end, said))
        span.set_status("error", message)
        span.set_attribute("error.type", kind)

    def link(self, span: Span, to: Span) -> None:
        span.extra.links.append(Link(SpanContext(to.tid, to.sid), {}))

    def about(self, typical_ns: float) -> int:
        """A duration around this one, with the long tail that real ones have."""
        return int(typical_ns * self.random.lognormvariate(0, 0.25))

    def moments(self, start_ns: int, end_ns: int, every_ns: int) -> list[int]:
        """Moments in order, so far apart on average."""
        count = max((end_ns - start_ns) // every_ns, 1)
        return sorted(self.random.randrange(start_ns, end_ns) for _ in range(count))

    def body(self) -> bytes:
        """An ExportTraceServiceRequest: protobuf messages are joined by writing them one after the other."""
        return b"".join(otlp.encode(spans, sender.resource()) for sender, spans in self._sent.items())
