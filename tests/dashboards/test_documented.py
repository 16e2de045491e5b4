"""docs/dashboards.md names every route, and every parameter that a page reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboards import pages
from dashboards.app import build_app
from tests.dashboards.traffic import filled

DOCS = (Path(__file__).parents[2] / "docs" / "dashboards.md").read_text()
ROUTES = sorted(build_app(filled("none").reader).openapi()["paths"])
# The pages whose parameters are documented here; those of alerts stand in docs/alerts.md.
MODULES = [
    path
    for path in Path(pages.__file__).parent.glob("*.py")
    if not path.name.startswith(("__", "alert")) and "dashboards.params" in path.read_text()
]
ROUTE = re.compile(r'@router\.get\("([^"]*)"\)')
# A parameter read through params.py or from the query itself.
READ = re.compile(r"""(?:choice|whole|text)\([\w.]*params, "(\w+)"|params\.get\("(\w+)"|params\["(\w+)"\]""")


def section(path: str) -> str:
    """What the documentation says about one route."""
    found = re.search(rf"^### `{re.escape(path)}`$(.*?)(?=^##)", DOCS + "\n##", re.S | re.M)
    return found[1] if found else ""


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_is_documented(path: str) -> None:
    assert section(path).strip()


def test_no_route_is_documented_that_is_gone() -> None:
    assert set(re.findall(r"^### `(.*)`$", DOCS, re.M)) - {"/"} == set(ROUTES)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_every_parameter_of_a_page_is_documented(module: Path) -> None:
    source = module.read_text()
    read = {name for names in READ.findall(source) for name in names if name}
    told = " ".join(section(path.replace(":path}", "}")) for path in ROUTE.findall(source))
    assert read
    assert {name for name in read if f"`{name}`" not in told} == set()
