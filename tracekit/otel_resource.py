"""What opentelemetry-sdk knows of this process: a provider's resource, or what its detectors find out."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What opentelemetry-sdk says of itself in every resource; ours says what sends.
_OF_THE_SDK = ("telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version")
_UNKNOWN = "unknown_service"


def detected() -> dict[str, Any]:
    """What the detectors named in OTEL_EXPERIMENTAL_RESOURCE_DETECTORS find. They may ask the network."""
    return said_by(Resource.create())


def said_by(resource: Resource) -> dict[str, Any]:
    """The attributes somebody meant: without what the SDK fills in."""
    said = {key: value for key, value in resource.attributes.items() if key not in _OF_THE_SDK}
    if str(said.get("service.name", _UNKNOWN)).startswith(_UNKNOWN):
        said.pop("service.name", None)
    return said
