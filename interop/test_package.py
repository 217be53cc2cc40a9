"""The Debian package runs from what is in it, with the Python of the system alone."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rig.ports import HOST
from rig.server import Server
from tools import docs

from .conftest import ALICE, PASSWORD, Mailbox, Run, deliver


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked."""
    root = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--raw-extract", package, root], check=True)
    return root


@pytest.fixture(scope="module")
def installed(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    python = unpacked / "usr/lib/postroom/bin/python"
    server = Server(
        tmp_path_factory.mktemp("installed"),
        doors=("smtp", "imap", "http"),
        program=(str(python), "-I", "-m", "postroom"),
    )
    server.add_account(ALICE, PASSWORD)
    with server:
        yield server


def test_a_letter_arrives(installed: Server, run: Run) -> None:
    deliver(installed, run, "from the package")
    with closing(Mailbox(installed, ALICE)) as mailbox:
        assert len(mailbox.find("from the package")) == 1


def test_pages_are_in_it(installed: Server, run: Run) -> None:
    page = run("curl", "-sfL", f"http://{HOST}:{installed.ports['http']}/")
    assert "<form" in page
    assert "stylesheet" in page


def test_nothing_else_of_this_machine_is_used(unpacked: Path) -> None:
    python = unpacked / "usr/lib/postroom/bin/python"
    said = subprocess.run(
        [python, "-I", "-c", "import sys, postroom; print(postroom.__file__, *sys.path)"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said.startswith(str(unpacked))
    assert str(docs.ROOT) not in said
    for path in unpacked.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix in {"", ".sh", ".cfg", ".pth"}:
            assert str(docs.ROOT).encode() not in path.read_bytes(), path


def test_pages_of_the_manual_and_completion_are_there(unpacked: Path) -> None:
    for name in (
        "man/man1/postroom.1.gz", "man/man5/postroom.toml.5.gz",
        "bash-completion/completions/postroom", "zsh/vendor-completions/_postroom",
        "fish/vendor_completions.d/postroom.fish",
    ):  # fmt: skip
        assert (unpacked / "usr/share" / name).stat().st_size > 100


def test_what_the_package_manager_runs_is_sound(unpacked: Path) -> None:
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", unpacked / "DEBIAN" / script], check=True)
    control = (unpacked / "DEBIAN/control").read_text()
    assert "@" not in control.replace("@postroom.invalid", "")
