"""``postroom`` runs commands against a fresh data folder, in this process."""

import json
from pathlib import Path
from typing import Any

import click.testing
import pytest

from postroom.cli import main


class Shell:
    """Runs ``postroom`` with a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "postroom.toml"
        self.config.write_text('hostname = "mx.demo.test"\ndata = "data"\n')

    def run(self, *words: str, typed: str | bytes = "") -> click.testing.Result:
        """What a command says and its exit status, whatever it is."""
        return click.testing.CliRunner().invoke(
            main.postroom,
            ["-c", str(self.config), *words],
            input=typed,
            prog_name="postroom",
            catch_exceptions=False,
        )

    def says(self, *words: str, typed: str = "") -> str:
        """What a command that does its work says."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, typed: str = "") -> Any:
        """What it says to a program."""
        return json.loads(self.says(*words, "--json", typed=typed))

    def refuses(self, *words: str, typed: str = "") -> str:
        """The one line of a command that is refused."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("postroom: ")
        return line.removeprefix("postroom: ")

    def misuses(self, *words: str, typed: str = "") -> str:
        """What wrong usage is told."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        return result.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
