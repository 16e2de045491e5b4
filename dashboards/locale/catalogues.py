"""What pages say and what catalogues hold, compared; missing messages added, unused ones removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from collector.sqlchild.views import VIEWS
from dashboards.boardfiles import SHIPPED
from dashboards.boardmodel import read_board
from dashboards.boardwords import words_of
from dashboards.i18n import CATALOGUES

ROOT = Path(__file__).parent.parent
METHODS = [("**/static/js/**.js", "javascript"), ("**/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"**/templates/**.html": {"silent": "false", "trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}

# A message by its English text; the two English forms of one that depends on a number.
Id = str | tuple[str, str]


def said() -> dict[Id, str]:
    """Every message of code, templates and scripts, with the area it belongs to."""
    found: dict[Id, str] = {}
    pieces = extract_from_dir(ROOT, METHODS, OPTIONS, KEYWORDS)
    for path, _, message, *_ in sorted(pieces, key=lambda piece: (piece[0], piece[1])):
        id = message if isinstance(message, str) else (message[0], message[1])
        area = _area(Path(path))
        if area == "scripts" or id not in found:
            found[id] = area
    return dict.fromkeys(_boards(), "boards") | dict.fromkeys(_views(), "sqlviews") | found


def _boards() -> Iterator[str]:
    """What the shipped dashboards say."""
    for path in sorted(SHIPPED.glob("*.yaml")):
        yield from words_of(read_board(path.read_text(encoding="utf-8"), path.name))


def _views() -> Iterator[str]:
    """What the views of SQL and their columns mean."""
    for view in VIEWS.values():
        yield view.meaning
        yield from (column.meaning for column in view.columns)


def _area(path: Path) -> str:
    """Of a source: all scripts have one, because what they say is sent to the browser."""
    if path.suffix == ".js":
        return "scripts"
    return path.parent.name if path.name == "__init__.py" else path.stem.partition("_")[0]


def held(language: str) -> Iterator[tuple[str, Catalog]]:
    """The catalogues of a language, by area."""
    for path in sorted((CATALOGUES / language).glob("*.po")):
        with path.open(encoding="utf-8") as file:
            yield path.stem, read_po(file, locale=language)


def compared(language: str) -> tuple[dict[Id, str], list[tuple[Id, str]]]:
    """What is said and not held, and what is held in vain (not said any more, or held elsewhere as well),
    each with its area."""
    missing, unused = said(), []
    for area, catalogue in reversed(list(held(language))):
        for id in [_id(message.id) for message in catalogue if message.id]:
            if id in missing and _fits(missing[id], area):
                del missing[id]
            else:
                unused.append((id, area))
    return missing, unused


def _fits(area: str, place: str) -> bool:
    """Scripts are sent their own catalogue only; all else may be held anywhere."""
    return (area == "scripts") == (place == "scripts")


def brought_up(language: str) -> None:
    """Write the catalogues of a language anew: missing messages without a translation, unused ones gone."""
    missing, unused = compared(language)
    catalogues = dict(held(language))
    strings = {
        _id(m.id): m.string for catalogue in catalogues.values() for m in catalogue if m.id and m.string
    }
    for area in {*missing.values(), *(area for _, area in unused)}:
        catalogue = catalogues.setdefault(area, Catalog(language, charset="utf-8"))
        for id in [id for id, place in unused if place == area]:
            catalogue.delete(id if isinstance(id, str) else id[0])
        for id in [id for id, place in missing.items() if place == area]:
            catalogue.add(id, strings.get(id))
        _write(language, area, catalogue)


def _write(language: str, area: str, catalogue: Catalog) -> None:
    """Without dates and places: they would change with every edit of a page, and conflict."""
    path = CATALOGUES / language / f"{area}.po"
    if not any(message.id for message in catalogue):
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, omit_header=True, no_location=True, sort_output=True)


def _id(id: str | list[str] | tuple[str, ...]) -> Id:
    return id if isinstance(id, str) else (id[0], id[1])
