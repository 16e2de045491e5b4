"""From a payload to an answer that can be trusted, and from there into the store."""

from collector.ingest.budget import Busy, Reservation
from collector.ingest.ingest import Ingest
from collector.ingest.stats import IngestStats

__all__ = ["Busy", "Ingest", "IngestStats", "Reservation"]
