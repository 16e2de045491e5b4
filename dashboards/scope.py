"""What part of a function a page looks at: all of it, one instance, one endpoint (span name), one trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from collector.storage.base import Window
from dashboards.params import text


class Narrow(TypedDict):
    """The same as arguments of a query about calls."""

    instance: str
    trigger: str
    operation: str


@dataclass(frozen=True, slots=True)
class Scope:
    """`service` over `window`; "" where the scope is not narrowed that way."""

    window: Window
    service: str
    instance: str = ""
    trigger: str = ""
    operation: str = ""

    @property
    def narrow(self) -> Narrow:
        return {"instance": self.instance, "trigger": self.trigger, "operation": self.operation}

    @property
    def is_narrow(self) -> bool:
        return bool(self.instance or self.trigger or self.operation)

    @property
    def traceql(self) -> str:
        """The calls of this scope as a TraceQL query without its closing brace."""
        said = [
            f"resource.service.name = {_quoted(self.service)}",
            "(kind = server || kind = consumer)",
        ]
        if self.instance:
            name = _quoted(self.instance)
            said.append(f"(resource.faas.instance = {name} || resource.service.instance.id = {name})")
        if self.trigger:
            said.append(f"span.faas.trigger = {_quoted(self.trigger)}")
        if self.operation:
            said.append(f"name = {_quoted(self.operation)}")
        return "{ " + " && ".join(said)


def read_scope(params: Mapping[str, str], window: Window, service: str) -> Scope:
    """As the URL says. InvalidQuery for texts that are too long."""
    instance, trigger = text(params, "instance"), text(params, "trigger")
    return Scope(window, service, instance, trigger, text(params, "operation"))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
