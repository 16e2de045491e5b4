"""What is built for others holds all that the tree holds, and serves from where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.serving import clean_environment, serving

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tracekit", "collector", "dashboards")
SOURCES = (".c", ".h")  # compiled into the wheel, shipped in the source distribution
PAGES = ("/start", "/overview", "/dashboards/functions", "/sql", "/static/css/app.css", "/static/js/app.js")


@dataclass(frozen=True, slots=True)
class Built:
    """Names of the files in each, and a folder into which the wheel was unpacked."""

    source: frozenset[str]
    wheel: frozenset[str]
    installed: Path


def tree() -> frozenset[str]:
    """Every file of the packages that somebody wrote."""
    made = {".pyc", ".so"}
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file())
    return frozenset(file.relative_to(ROOT).as_posix() for file in files if file.suffix not in made)


def build(what: str, source: Path, into: Path) -> Path:
    """The distribution that setuptools makes of `source`, without a compiler: the extension is optional."""
    into.mkdir()
    code = f"from setuptools import build_meta; build_meta.build_{what}({str(into)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        env=clean_environment(CC="false"),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The source distribution of the tree, and the wheel of what is in that."""
    folder = tmp_path_factory.mktemp("packaging")
    copy = folder / "copy"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    with tarfile.open(build("sdist", copy, folder / "sdist")) as archive:
        source = frozenset(name.partition("/")[2] for name in archive.getnames())
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    with zipfile.ZipFile(build("wheel", unpacked, folder / "wheel")) as archive:
        wheel = frozenset(archive.namelist())
        archive.extractall(folder / "installed")
    return Built(source, wheel, folder / "installed")


def test_the_source_distribution_holds_every_file(built: Built) -> None:
    assert sorted(tree() - built.source) == []


def test_the_wheel_holds_every_file_but_sources_in_c(built: Built) -> None:
    wanted = {name for name in tree() if not name.endswith(SOURCES)}
    assert sorted(wanted - built.wheel) == []
    assert [name for name in built.wheel if name.endswith(SOURCES) or name.startswith("tests/")] == []


def test_pages_are_served_from_the_wheel_in_english_and_chinese(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(built.installed))
    monkeypatch.chdir(tmp_path)
    where = f"for name in {PACKAGES}: print(__import__(name).__file__)"
    said = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True).stdout
    assert said.count(str(built.installed) + os.sep) == len(PACKAGES)
    with serving(tmp_path / "data") as server:
        base = server.ui.rstrip("/")
        for page in PAGES:
            with urlopen(base + page, timeout=60) as answer:
                assert answer.status == 200
        with urlopen(Request(base + "/start", headers={"Accept-Language": "zh-CN"}), timeout=60) as answer:
            chinese = answer.read().decode()
    assert '<html lang="zh-Hans">' in chinese and ">\u62d3\u6251<" in chinese
