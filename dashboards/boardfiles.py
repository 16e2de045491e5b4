"""The files of dashboards: those that are shipped, and those in a folder of whoever runs the server."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from dashboards.boardmodel import Board, read_board
from dashboards.boardwords import translated
from dashboards.boardyaml import LARGEST, BoardError

SHIPPED = Path(__file__).parent / "boards"
SUFFIX = ".yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


class Changed(Exception):
    """The file is no longer the one that was edited."""


@dataclass(frozen=True, slots=True)
class BoardFile:
    """One dashboard: either `board`, or the `error` that says why it cannot be shown. `digest` is of its
    text; `shipped` says that it came with tracekit."""

    name: str
    text: str
    digest: str
    shipped: bool
    board: Board | None
    error: BoardError | None

    @property
    def title(self) -> str:
        return self.board.title if self.board else self.name


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_name(name: str) -> bool:
    """Whether a file may be called so: nothing that leads out of the folder."""
    return bool(_NAME.fullmatch(name)) and name != "new"


class BoardFiles:
    """Thread-safe. Files are read each time they are asked for: what git or an editor changes shows at once.

    A file of the `folder` takes the place of a shipped one of its name. Without a folder nothing is saved.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._saving = threading.Lock()

    def all(self) -> tuple[BoardFile, ...]:
        """By title, then name."""
        paths = {path.stem: path for folder in self._folders() for path in sorted(folder.glob(f"*{SUFFIX}"))}
        found = [self.one(name) for name in paths if is_name(name)]
        return tuple(
            sorted((file for file in found if file), key=lambda file: (file.title.lower(), file.name))
        )

    def one(self, name: str) -> BoardFile | None:
        if not is_name(name):
            return None
        for folder in reversed(self._folders()):
            path = folder / f"{name}{SUFFIX}"
            if path.is_file():
                return _read(path, folder == SHIPPED)
        return None

    def save(self, name: str, text: str, digest: str) -> BoardFile:
        """The file with this text, whole on disk. `digest` is that of the text which was edited, "" for a new
        file. Raises BoardError where the text is no dashboard, Changed where the file is another by now."""
        if self.folder is None or not is_name(name):
            raise BoardError(name, 1, "", "a name is small letters, digits and -, such as my-board")
        text = text.replace("\r\n", "\n")
        read_board(text, f"{name}{SUFFIX}")
        with self._saving:
            present = self.one(name)
            if (present.digest if present else "") != digest:
                raise Changed(name)
            _write(self.folder, f"{name}{SUFFIX}", text)
        saved = self.one(name)
        assert saved is not None
        return saved

    def _folders(self) -> tuple[Path, ...]:
        return (SHIPPED,) if self.folder is None else (SHIPPED, self.folder)


def _read(path: Path, shipped: bool) -> BoardFile:
    with path.open("rb") as file:
        text = file.read(LARGEST + 1).decode(errors="replace")
    try:
        board, error = read_board(text, path.name), None
    except BoardError as wrong:
        board, error = None, wrong
    if board and shipped:
        board = translated(board)
    return BoardFile(path.stem, text, digest_of(text), shipped, board, error)


def _write(folder: Path, name: str, text: str) -> None:
    """Whole or not at all: whoever reads sees the old file or the new one, after a power cut too."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(folder / name)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    at = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)
