"""The manual pages say what the commands and the settings are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from postroom.cli.main import COMMANDS
from tools import man


def plain(page: str) -> str:
    """The words of a page, without what roff needs."""
    return re.sub(r"\\f.", "", page).replace(r"\-", "-").replace(r"\e", "\\").replace(r"\&", "")


def test_every_command_and_its_options_are_there() -> None:
    page = plain(man.commands_page())
    for name in COMMANDS:
        assert f"\n.SS postroom {name}\n" in page
    assert "\n.SS postroom queue list\n" in page
    assert "\n.TP\n--quota SIZE\n" in page
    assert "--help" not in page


def test_every_table_of_settings_is_there() -> None:
    page = plain(man.settings_page())
    assert "\n.SH [[listen]]\n" in page
    assert "\n.TP\nhostname (text)\n" in page


@pytest.mark.parametrize("name", man.PAGES)
def test_no_text_is_taken_for_a_request_of_roff(name: str) -> None:
    requests = {
        line.split()[0] for line in man.PAGES[name]().splitlines() if line.startswith((".", "'"))
    }
    assert requests <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B"}


def test_backslashes_quotes_and_leading_dots_stay_text() -> None:
    assert man._text(r".sieve  \Seen ``x``") == r"\&.sieve \eSeen x"
    assert man._text("'tis - so") == r"\&'tis \- so"


def test_the_program_writes_both(tmp_path: Path) -> None:
    subprocess.run([sys.executable, man.__file__, str(tmp_path / "new")], check=True)
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(man.PAGES)
