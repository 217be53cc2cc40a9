"""What is released holds what the program needs, and nothing that it does not."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools import docs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source package of a copy of this checkout.

    A copy: what earlier builds have left beside the sources must not matter.
    """
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(docs.ROOT / name, target)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)],
        check=True,
        capture_output=True,
    )
    return folder


def tracked(*folders: str) -> set[str]:
    """The files of the checkout below these folders."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders],
        cwd=docs.ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return set(said.split())


def test_the_wheel_has_every_file_of_the_program(made: Path) -> None:
    (wheel,) = made.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == {name.removeprefix("src/") for name in tracked("src")}


def test_the_source_package_is_the_checkout(made: Path) -> None:
    (source,) = made.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        held = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert tracked() - {".gitignore"} <= held
    extra = held - tracked()
    assert all("egg-info" in name or name in {"PKG-INFO", "setup.cfg"} for name in extra), extra
