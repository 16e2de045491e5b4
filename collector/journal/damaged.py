"""What the journal could not read: said loudly, its bytes kept aside, never in the way of a start."""

from __future__ import annotations

import logging
from pathlib import Path

from collector.journal.scan import Damage

log = logging.getLogger(__name__)

FOLDER = "damaged"
# All copies together; the oldest go first.
_MOST_BYTES = 64 * 2**20


def report(damage: Damage, journal: Path) -> None:
    """Log it, with where its bytes are kept (once, however often it is met)."""
    items = "" if damage.items is None else f" They held {damage.items} items, acknowledged or about to be."
    known = _copy_of(damage, journal / FOLDER).exists()
    copy = _kept_aside(damage, journal / FOLDER)
    log.log(
        logging.INFO if known else logging.ERROR,
        "journal: %d bytes at position %d of %s cannot be read: %s.%s %s",
        damage.end - damage.start,
        damage.start,
        damage.path.name,
        damage.reason,
        items,
        f"What is there is kept as {copy}." if copy else "",
    )


def _kept_aside(damage: Damage, folder: Path) -> Path | None:
    if damage.offset is None or damage.end <= damage.start:
        return None
    copy = _copy_of(damage, folder)
    if copy.exists():
        return copy
    try:
        folder.mkdir(exist_ok=True)
        with damage.path.open("rb") as file:
            file.seek(damage.offset)
            copy.write_bytes(file.read(damage.end - damage.start))
        _make_room(folder, copy)
    except OSError as error:  # a full disk must not keep the journal from being read
        log.error("journal: the damaged bytes could not be kept aside: %s", error)
        return None
    return copy


def _copy_of(damage: Damage, folder: Path) -> Path:
    return folder / f"{damage.start:020}-{damage.end:020}.bin"


def _make_room(folder: Path, newest: Path) -> None:
    copies = sorted((path for path in folder.glob("*.bin") if path != newest), reverse=True)
    left = _MOST_BYTES - newest.stat().st_size
    for path in copies:
        left -= path.stat().st_size
        if left < 0:
            path.unlink()
