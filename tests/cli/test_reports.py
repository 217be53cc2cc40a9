import gzip
from pathlib import Path

import pytest

from postroom.mailauth.feedback import build
from tests.cli.conftest import Shell
from tests.mailauth.test_feedback import REPORT


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "report.xml.gz"
    path.write_bytes(gzip.compress(build(REPORT)))
    return str(path)


def test_a_report_is_imported_listed_and_shown(shell: Shell, file: str) -> None:
    assert shell.says("reports", "import", file) == "1 report imported\n"
    assert shell.says("reports", "import", file) == "0 reports imported, 1 known already\n"
    heading, line = shell.says("reports", "list").splitlines()
    assert heading.split() == ["ID", "KIND", "DOMAIN", "FROM", "ORGANIZATION", "PASSED", "FAILED"]
    assert "a.test" in line
    (one,) = shell.json("reports", "list", "a.test")
    said = shell.says("reports", "show", one["id"])
    assert "\ncontact  postmaster@us.test\n" in said
    assert "\npolicy   p=reject sp=none\n" in said
    assert "\n3      192.0.2.1" in said
    assert shell.json("reports", "show", one["id"])["lines"][0]["count"] == 3


def test_nothing_is_due(shell: Shell) -> None:
    assert shell.says("reports", "send") == ""
    assert shell.json("reports", "send") == []


def test_what_is_not_there(shell: Shell, tmp_path: Path) -> None:
    assert "can't be read" in shell.refuses("reports", "import", str(tmp_path / "none"))
    assert "no report x" in shell.refuses("reports", "show", "x")
