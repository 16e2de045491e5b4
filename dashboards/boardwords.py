"""The words of the shipped dashboards, in the reader's language. Other files stay as they were written."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.boardmodel import Board
from dashboards.i18n import gettext


def words_of(board: Board) -> Iterator[str]:
    """Every text that stands in the dashboard for people."""
    parts = [board.title, board.description, *(variable.label for variable in board.variables)]
    for panel in board.panels:
        parts += [panel.title, panel.note, panel.text or ""]
    return (part for part in parts if part)


def translated(board: Board) -> Board:
    """The dashboard with its texts in the reader's language, and all else as it is."""
    panels = [
        panel.model_copy(
            update={
                "title": gettext(panel.title),
                "note": gettext(panel.note),
                "text": panel.text and gettext(panel.text),
            }
        )
        for panel in board.panels
    ]
    variables = [v.model_copy(update={"label": gettext(v.label)}) for v in board.variables]
    said = {"title": gettext(board.title), "description": gettext(board.description)}
    return board.model_copy(update={**said, "panels": panels, "variables": variables})
