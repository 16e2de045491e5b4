"""The facts as plain data: what /status.json answers and the status page shows."""

from __future__ import annotations

import dataclasses
from typing import Any

from collector.api.telemetry import Facts


def status_document(facts: Facts) -> dict[str, Any]:
    """Sizes in bytes, times in seconds; null for what is not known now."""
    return {
        "version": facts.version,
        "decoder": facts.decoder,
        "uptime_s": round(facts.uptime_s, 3),
        "ready": not facts.trouble,
        "trouble": facts.trouble,
        "rates": {signal: round(rate, 3) for signal, rate in facts.rates.items()},
        "ingest": dataclasses.asdict(facts.ingest),
        "rollup_lag": facts.rollup_lag,
        "sampled_out": dataclasses.asdict(facts.sampled_out),
        "queue_limit_bytes": facts.queue_limit_bytes,
        "requests": [
            {"protocol": protocol, "signal": signal, "code": code, "count": count}
            for (protocol, signal, code), count in sorted(facts.requests.items())
        ],
        "taken": [
            {"protocol": road[0], "signal": road[1], "items": items, "bytes": facts.taken_bytes.get(road, 0)}
            for road, items in sorted(facts.taken_items.items())
        ],
        "files": [{"name": name, "bytes": size} for name, size in facts.files.items()],
        "disk": {
            "free_bytes": facts.disk_free_bytes,
            "total_bytes": facts.disk_total_bytes,
            "floor_bytes": facts.disk_floor_bytes,
        },
        "process": {"rss_bytes": facts.rss_bytes, "cpu_s": round(facts.cpu_s, 3)},
        "forward": dataclasses.asdict(facts.forward) if facts.forward else None,
    }
