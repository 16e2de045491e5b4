"""What was acknowledged and is not yet safe in the engine's own files: segments of checked records."""

from collector.journal.journal import Journal, JournalFull
from collector.journal.scan import Damage

__all__ = ["Damage", "Journal", "JournalFull"]
