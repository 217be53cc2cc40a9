import json
from pathlib import Path

from tests.cli.conftest import Shell


def test_a_backup_is_taken_verified_and_found_damaged(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    safe = str(tmp_path / "safe")
    result = shell.run("backup", safe)
    assert result.exit_code == 0
    taken = json.loads(result.stdout.splitlines()[-1])
    assert taken["folder"] == safe
    assert "is on the disk of the data: copy it to another one" in result.stderr
    assert shell.json("backup", safe, "--copy")["new"] > 0
    assert shell.json("backup", "verify", safe)["faults"] == []
    (database,) = (tmp_path / "safe").glob("state-*/postroom.sqlite")
    (settings,) = (tmp_path / "safe").glob("state-*/postroom.toml")
    assert settings.read_text() == shell.config.read_text()
    database.write_bytes(b"x")
    result = shell.run("backup", "verify", safe)
    assert result.exit_code == 1
    assert f"the backup in {safe} is damaged: take another one" in result.stderr


def test_those_of_the_timetable_are_listed(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    assert "no backups are taken by a timetable" in shell.refuses("backup", "list")
    safe = tmp_path / "safe"
    with shell.config.open("a") as settings:
        settings.write(f'[backup]\npath = "{safe}"\n')
    assert shell.run("backup", "list").stderr == f"There are no backups in {safe} yet.\n"
    shell.run("backup", str(safe / "20261126T023609Z"))
    assert [one["name"] for one in shell.json("backup", "list")] == ["20261126T023609Z"]
    assert shell.says("backup", "list").splitlines()[1].split()[-1] == "never"
    shell.says("backup", "verify", str(safe / "20261126T023609Z"))
    assert shell.says("backup", "list").splitlines()[1].endswith(": whole")
    (safe / "20261126T023609Z" / "postroom-backup.json").write_text("{")
    assert f"the backups in {safe} can't be listed" in shell.refuses("backup", "list")
    assert not (tmp_path / "list").exists()


def test_refusals(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    assert "inside the data folder" in shell.refuses("backup", str(tmp_path / "data" / "x"))
    assert "holds no backup" in shell.refuses("backup", "verify", str(tmp_path / "none"))
    assert "Missing argument" in shell.misuses("backup", "verify")
