"""This package's modules are found by a finder of its own while a cold start loads them, and only then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tracekit

WATCH = """
import sys
from importlib.machinery import PathFinder
def find_spec(name, path=None, target=None, usual=PathFinder.find_spec):
    asked.append(name)
    return usual(name, path, target)
PathFinder.find_spec, asked = find_spec, []
def by(name):
    return type(sys.modules[name].__spec__.loader).__name__ if name in asked else "near"
"""
LOAD = f"""{WATCH}
from tracekit import traced
from tracekit import config, watch
print(by("tracekit.config"), by("tracekit.decorator"), config.__file__, config.get.__code__.co_filename)
assert [finder for finder in sys.meta_path if type(finder).__name__ == "SimpleNamespace"] == []
"""
SAME = f"""{WATCH}
import importlib.util, tracekit
tracekit.undisturbed(__import__, "tracekit.platforms.fc")
for name in ("tracekit.platforms", "tracekit.platforms.fc"):
    assert by(name) == "near"
    near, above = sys.modules[name], sys.modules[name.rpartition(".")[0]]
    spec = PathFinder.find_spec(name, above.__path__)
    for look in ("name", "origin", "cached", "parent", "has_location", "submodule_search_locations"):
        assert getattr(near.__spec__, look) == getattr(spec, look), look
    for key, value in vars(importlib.util.module_from_spec(spec)).items():
        assert key in ("__spec__", "__loader__", "__doc__") or vars(near)[key] == value, key
    assert near.__loader__ is near.__spec__.loader
    assert type(near.__loader__) is type(spec.loader) and vars(near.__loader__) == vars(spec.loader)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, compiled."""
    ignored = shutil.ignore_patterns("__pycache__", "demo")
    shutil.copytree(tracekit.__path__[0], tmp_path / "here" / "tracekit", ignore=ignored)
    compiled(tmp_path / "here")
    return tmp_path / "here"


def compiled(folder: Path, *options: str) -> None:
    subprocess.run([sys.executable, "-m", "compileall", "-q", *options, folder], check=True)


def load(place: Path, code: str = LOAD) -> list[str]:
    env = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=place.parent, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_compiled_modules_are_found_near(package: Path) -> None:
    config, decorator, file, compiled_as = load(package)
    assert config == decorator == "near"
    assert file == compiled_as == str(package / "tracekit" / "config.py")


def test_what_is_found_near_looks_as_importlibs(package: Path) -> None:
    load(package, SAME)


def test_a_package_that_was_moved_tells_its_new_place(package: Path) -> None:
    moved = package.rename(package.parent / "there")
    assert load(moved)[2:] == [str(moved / "tracekit" / "config.py")] * 2


def test_code_older_than_its_source_is_not_run(package: Path) -> None:
    source = package / "tracekit" / "config.py"
    source.write_text(source.read_text() + "\nprint('new')\n")
    assert load(package)[0] == "new"


@pytest.mark.parametrize("options", [("--invalidation-mode", "checked-hash"), ("-o", "1"), None])
def test_code_of_other_kinds_or_none_is_left_to_importlib(
    package: Path, options: tuple[str, ...] | None
) -> None:
    for cache in package.rglob("__pycache__"):
        shutil.rmtree(cache)
    if options:
        compiled(package, *options)
    assert load(package)[0] == "SourceFileLoader"


def test_an_archive_is_read_by_its_own_loader(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(package.rglob("*.py")):
            archive.write(path, path.relative_to(package))
    assert load(tmp_path / "all.zip")[0] == "zipimporter"


def test_a_module_loaded_anew_is_what_its_file_says_by_then(package: Path) -> None:
    source = package / "tracekit" / "guard.py"
    code = f"""
import importlib
from tracekit import traced, guard
with open({str(source)!r}, "a") as file:
    file.write("\\nnewer = True\\n")
print(importlib.reload(guard).newer)
"""
    assert load(package, code) == ["True"]
