"""Every page has its picture in docs/images, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.pages import PAGES

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", [page.key for page in PAGES])
def test_every_page_has_its_picture(page: str, scheme: str) -> None:
    # Whoever adds a page adds its address to docs/take_screenshots.py, and takes the pictures.
    assert (IMAGES / f"{page}-{scheme}.png").stat().st_size > 1000
