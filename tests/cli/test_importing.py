import json
from pathlib import Path

import pytest

from tests.admin.moving.test_maildir import make
from tests.cli.conftest import Shell

ALICE = "alice@demo.test"
FROM = b"From a@x.test Thu Nov 26 02:36:09 2026\n"


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", ALICE, "--password-stdin", typed="long enough\n")
    return shell


def test_an_mbox_is_brought_once(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.write_bytes((FROM + b"A: 1\n\nx\n\n") * 3)
    assert shell.json("import", "mbox", ALICE, str(path))["filed"] == 3
    again = json.loads(shell.says("import", "mbox", ALICE, str(path)).splitlines()[-1])
    assert (again["filed"], again["known"]) == (0, 3)
    assert shell.json("import", "mbox", ALICE, str(path), "--again")["filed"] == 3
    assert shell.json("import", "mbox", ALICE, str(path), "--folder", "Old/x")["filed"] == 3
    shown = shell.json("account", "show", ALICE)
    assert shown["messages"] == 9


def test_what_is_left_out_is_an_exit_status(shell: Shell, tmp_path: Path) -> None:
    box = make(tmp_path / "box")
    (box / "cur" / "1").touch()
    (box / "cur" / "2").write_bytes(b"A: 1\n\n")
    result = shell.run("import", "maildir", ALICE, str(box))
    assert result.exit_code == 1
    assert result.stderr == "postroom: 1 message was left out; it is where it was\n"
    done = json.loads(result.stdout.splitlines()[-1])
    assert (done["filed"], done["left_out"][0]["reason"]) == (1, "it is empty")


def test_the_quota_is_respected_unless_told(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.write_bytes(FROM + b"A: 1\n\nxxxxxxxxxxxxxxxxxxx\n\n")
    shell.says("account", "quota", ALICE, "10")
    assert "no room for more" in shell.refuses("import", "mbox", ALICE, str(path))
    assert shell.json("import", "mbox", ALICE, str(path), "--over-quota")["filed"] == 1


def test_what_is_no_mail_is_refused(shell: Shell, tmp_path: Path) -> None:
    assert "there is no" in shell.refuses("import", "mbox", ALICE, str(tmp_path / "x"))
    assert "is no Maildir" in shell.refuses("import", "maildir", ALICE, str(tmp_path))


def test_accounts_of_a_list_are_made(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("bob@demo.test:{PLAIN}long enough\ncarol@demo.test:{ROT13}x\n:x\n")
    order = ("import", "accounts", str(path), "--from", "dovecot-passwd")
    trial = shell.run(*order, "--dry-run")
    assert trial.exit_code == 1
    assert "2 would be made, 1 are there already" in trial.stdout
    assert "note: left out: line 3: it has no name" in trial.stderr
    assert len(shell.json("account", "list")) == 1
    result = shell.run(*order)
    assert "2 made, 1 are there already" in result.stdout
    assert "without password: carol@demo.test; set one: postroom account password" in result.stderr
    assert len(shell.json("account", "list")) == 3
    path.write_text("bob@demo.test:{PLAIN}long enough\n")
    assert shell.json(*order)["there"] == ["demo.test", "bob@demo.test"]
    assert "Missing option '--from'" in shell.misuses("import", "accounts", str(path))
