"""A data folder is made of a backup in one step, whatever interrupts it.

All files are copied to a folder within, which is renamed when it is whole: from then on they count, and
whoever opens the data folder moves them to their places.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from collector.folders import sync_folder
from collector.storage.base import StorageError
from collector.storage.duckdb import parts

_COPYING = "restore.partial"
_WHOLE = "restore.whole"


def restore(backup: Path, data_dir: Path, beside: Collection[str] = ()) -> list[str]:
    """Copy a backup to a folder that holds no store and that nobody has open; the parts' names. StorageError
    if it does, or if the backup holds none. The files are not opened: no engine may have them open.

    Files named `beside` come too, readable by their owner only, where the backup has them and the folder has
    not."""
    found = parts.found_in(backup)
    if not found:
        raise StorageError(f"{backup} holds no backup: it has no file such as 2026-11-21{parts.SUFFIX}")
    data_dir.mkdir(parents=True, exist_ok=True)
    if parts.found_in(data_dir) or (data_dir / parts.LEGACY).exists() or (data_dir / _WHOLE).exists():
        raise StorageError(f"{data_dir} holds a store already: restore to another folder")
    copying = data_dir / _COPYING
    shutil.rmtree(copying, ignore_errors=True)  # of a restore that was killed
    copying.mkdir(mode=0o700)
    for path in found:
        _copy(path, copying / path.name, 0o644)
    for name in beside:
        if (backup / name).exists() and not (data_dir / name).exists():
            _copy(backup / name, copying / name, 0o600)
    sync_folder(copying)
    copying.rename(data_dir / _WHOLE)
    sync_folder(data_dir)
    finish(data_dir)
    return [path.name for path in found]


def finish(data_dir: Path) -> None:
    """Move what a restore has copied to its place; nothing where there was none."""
    whole = data_dir / _WHOLE
    if not whole.is_dir():
        return
    for path in sorted(whole.iterdir()):
        path.rename(data_dir / path.name)
    sync_folder(data_dir)
    whole.rmdir()


def _copy(source: Path, target: Path, mode: int) -> None:
    descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, mode)
    with source.open("rb") as original, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(original, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
