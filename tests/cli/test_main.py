import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from postroom import VERSION
from postroom.cli.main import COMMANDS, postroom
from postroom.errors import StorageFailed, StorageFull
from tests.cli.conftest import Shell


def test_help_lists_every_command_without_importing_any() -> None:
    script = (
        "import sys; from postroom.cli.main import main\n"
        "sys.argv = ['postroom', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'asyncio', 'cryptography', 'msgspec', 'rich', 'apsw'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, lazy in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert lazy.summary in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(shell: Shell, name: str) -> None:
    lazy = COMMANDS[name]
    module = importlib.import_module(lazy.module)
    command = getattr(module, lazy.attribute or name.replace("-", "_"))
    assert isinstance(command, click.Command)
    assert command.help
    assert f"Usage: postroom {name}" in shell.says(name, "--help")


def test_the_version_is_told(shell: Shell) -> None:
    assert VERSION in shell.says("--version")


def test_wrong_usage_ends_with_2(shell: Shell) -> None:
    assert "No such command" in shell.misuses("frobnicate")
    assert "There are list, purge, restore." in shell.misuses("undelete", "bob@demo.test")
    assert "'account'" in shell.misuses("acount", "list")
    assert "No such option" in shell.misuses("domain", "add", "demo.test", "--frobnicate")
    assert "Missing argument" in shell.misuses("domain", "add")
    assert "Usage" in shell.misuses()


def test_a_bad_configuration_is_one_line(shell: Shell, tmp_path: Path) -> None:
    shell.config.write_text("hostnam = 1\n")
    assert "hostnam" in shell.refuses("domain", "list")
    shell.config.unlink()
    assert str(shell.config) in shell.refuses("domain", "list")


def test_trouble_of_the_system_is_one_line(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert "data" in shell.refuses("domain", "list")


def test_trouble_of_the_store_is_one_line(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    from postroom.cli import listed

    def full(*_: object) -> None:
        raise StorageFull(detail="data")

    monkeypatch.setattr(listed, "run", full)
    assert shell.refuses("domain", "list") == (
        "Insufficient system storage, please try again later (data)"
    )


def test_a_database_that_fails_is_one_line_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    from postroom.cli import listed

    def broken(*_: object) -> None:
        raise StorageFailed(detail="connection is bad:\n\tno such file")

    monkeypatch.setattr(listed, "run", broken)
    assert shell.refuses("domain", "list") == (
        "the database failed (connection is bad: no such file); see: postroom doctor"
    )


def test_a_reader_that_goes_away_is_no_trouble(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    command = [sys.executable, "-m", "postroom", "-c", str(shell.config), "domain", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_commands_take_the_group_s_own_options() -> None:
    assert {option.name for option in postroom.params} >= {"config"}
