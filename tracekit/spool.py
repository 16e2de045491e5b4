"""Payloads on disk, for hosts that keep theirs: what a process could not deliver, a later one sends.

One file a payload, written under another name and then renamed, so that a file is whole or not there; the
checksum is for machines that lose power in between. A sender holds the kernel's lock on the file, which goes
away with the sender: processes share a folder without sending twice, and none has to clean up after another.
"""

from __future__ import annotations

import os
from time import time_ns

from tracekit.guard import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_MAGIC = b"TKSPOOL1"
_HEAD = len(_MAGIC) + 4
# No file is looked at for longer than a delivery should take: a folder full of them is sent little by little.
CLAIMS_A_DELIVERY = 64
# A file under its first name that is this old belongs to a process that died while writing it.
_STALE_S = 600


class Spool:
    """A folder of undelivered payloads, bounded in bytes; the oldest go first."""

    def __init__(self, folder: str, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def put(self, bodies: Iterable[bytes], kind: str) -> int:
        """Keeps payloads of one kind; how many. Raises OSError where the folder cannot be written."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        count = 0
        for body in bodies:
            self._write(f"{time_ns():020d}-{os.getpid()}-{count}.{kind}", body)
            count += 1
        self._shed()
        return count

    def claims(self, kind: str) -> Iterator[Claim]:
        """The payloads of a kind that nobody else is sending, oldest first."""
        names = [name for name in self._names() if name.split(".", 1)[-1] == kind] if kind else []
        for name in names[:CLAIMS_A_DELIVERY]:
            claim = Claim.of(os.path.join(self.folder, name))
            if claim is not None:
                yield claim

    def _write(self, name: str, body: bytes) -> None:
        path = os.path.join(self.folder, name)
        partial = path + ".part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(partial, flags, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(_MAGIC + _checksum(body) + body)
            os.rename(partial, path)
        except BaseException:
            os.unlink(partial)
            raise

    def _names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.folder) if name[:1].isdigit() and "." in name)
        except FileNotFoundError:
            return []
        except OSError as error:
            say(f"TRACEKIT_SPOOL: cannot read {self.folder} ({error.strerror})")
            return []

    def _shed(self) -> None:
        sizes = []
        for name in self._names():
            path = os.path.join(self.folder, name)
            try:
                found = os.stat(path)
                if name.endswith(".part") and time_ns() / 1e9 - found.st_mtime > _STALE_S:
                    os.unlink(path)
                else:
                    sizes.append((path, found.st_size))
            except FileNotFoundError:  # another process has sent it
                continue
        excess = sum([size for _, size in sizes]) - self.max_bytes
        for path, size in sizes:
            if excess <= 0:
                return
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            say(f"TRACEKIT_SPOOL: {self.folder} is full; the oldest spans in it are dropped")
            excess -= size


class Claim:
    """One payload that only this process may send. Leave it (`with`) for others to have, or `remove` it."""

    def __init__(self, path: str, file: Any, body: bytes) -> None:
        self.path = path
        self.body = body
        self._file = file

    @classmethod
    def of(cls, path: str) -> Claim | None:
        """A claim on the file; None if somebody else has it, or it is damaged, which removes it."""
        import fcntl

        try:
            file = open(os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)), "r+b")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owner = os.fstat(file.fileno())
            # Sent and removed between our look at the folder and the lock, or put there by somebody else.
            usable = owner.st_nlink > 0 and owner.st_uid == os.geteuid()
            content = file.read() if usable else b""
        except OSError:
            usable = False
        if not usable:
            file.close()
            return None
        claim = cls(path, file, content[_HEAD:])
        if content[:_HEAD] == _MAGIC + _checksum(claim.body):
            return claim
        say(f"TRACEKIT_SPOOL: {path} is damaged; removing it")
        with claim:
            claim.remove()
        return None

    def remove(self) -> None:
        """Delivered, or refused for good."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:  # shed meanwhile for want of room
            return

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def _checksum(body: bytes) -> bytes:
    from binascii import crc32

    return crc32(body).to_bytes(4, "big")
