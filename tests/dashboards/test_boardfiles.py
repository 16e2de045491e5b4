"""Files of dashboards: shipped ones, those of a folder, saved whole and never over somebody else's change."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.boardfiles import BoardFiles, Changed
from dashboards.boardyaml import BoardError

MINE = "title: Mine\npanels:\n  - {show: markdown, text: hello}\n"


def test_the_shipped_ones_are_good() -> None:
    found = BoardFiles(None).all()
    assert [file.name for file in found] == ["async", "cold-starts", "cost", "functions"]
    assert all(file.shipped and file.board for file in found)


def test_a_file_of_the_folder_takes_the_place_of_a_shipped_one_and_shows_when_it_changes(
    tmp_path: Path,
) -> None:
    files = BoardFiles(tmp_path)
    (tmp_path / "cost.yaml").write_text(MINE)
    found = files.one("cost")
    assert found and (found.title, found.shipped) == ("Mine", False)
    (tmp_path / "cost.yaml").write_text(MINE.replace("Mine", "Ours"))
    assert "Ours" in [file.title for file in files.all()]


def test_a_file_that_is_wrong_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("title: x\n")
    found = BoardFiles(tmp_path).one("bad")
    assert found and found.board is None and "bad.yaml, line 1, panels" in str(found.error)


def test_saving_makes_the_folder_and_leaves_nothing_else_in_it(tmp_path: Path) -> None:
    files = BoardFiles(tmp_path / "new")
    saved = files.save("mine", MINE.replace("\n", "\r\n"), "")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine.yaml"]
    assert (tmp_path / "new" / "mine.yaml").read_bytes() == MINE.encode()
    assert files.save("mine", MINE + "# more\n", saved.digest).text.endswith("# more\n")


def test_a_change_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    files = BoardFiles(tmp_path)
    saved = files.save("mine", MINE, "")
    (tmp_path / "mine.yaml").write_text(MINE + "# theirs\n")
    with pytest.raises(Changed):
        files.save("mine", MINE + "# ours\n", saved.digest)
    with pytest.raises(Changed):
        files.save("mine", MINE, "")
    assert (tmp_path / "mine.yaml").read_text().endswith("# theirs\n")


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "A", "new", "x" * 99])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    files = BoardFiles(tmp_path)
    with pytest.raises(BoardError):
        files.save(name, MINE, "")
    assert files.one(name) is None and not list(tmp_path.iterdir())


def test_what_is_no_dashboard_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(BoardError):
        BoardFiles(tmp_path).save("mine", "title: x", "")
    assert not list(tmp_path.iterdir())
