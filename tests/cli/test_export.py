import json
from pathlib import Path

from tests.cli.conftest import Shell

ALICE = "alice@demo.test"


def test_mail_is_written_and_brought_back(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    for name in (ALICE, "bob@demo.test"):
        shell.says("account", "add", name, "--password-stdin", typed="long enough\n")
    mbox = tmp_path / "inbox"
    mbox.write_bytes(b"From a@x.test Thu Nov 26 02:36:09 2026\nA: 1\nStatus: R\n\nx\n\n")
    shell.says("import", "mbox", ALICE, str(mbox))
    for form, place in (("maildir", "M"), ("mbox", "B")):
        done = shell.json("export", ALICE, str(tmp_path / place), "--format", form)
        assert (done["messages"], done["format"]) == (1, form)
        brought = json.loads(
            shell.says("import", form, "bob@demo.test", str(tmp_path / place)).splitlines()[-1]
        )
        assert brought["filed"] == (1 if form == "maildir" else 0)
    (path,) = (tmp_path / "M" / "cur").iterdir()
    assert path.read_bytes() == b"A: 1\r\n\r\nx\r\n"
    assert path.name.endswith(":2,S")


def test_refusals(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", ALICE, "--password-stdin", typed="long enough\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "is there already" in shell.refuses("export", ALICE, str(tmp_path / "full"))
    assert "no account" in shell.refuses("export", "nobody@demo.test", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    assert "Invalid value for '--format'" in shell.misuses("export", ALICE, "x", "--format", "pst")
