"""``postroom retention``."""

from tests.cli.conftest import Shell

BOB = "bob@demo.test"


def test_what_mailboxes_keep(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")
    lines = shell.says("retention", "list", BOB).splitlines()
    assert lines[0].split() == ["MAILBOX", "KEEPS", "SAID", "BY"]
    assert "Junk     30 days   settings" in lines
    assert "INBOX    for ever  settings" in lines
    assert shell.says("retention", "set", BOB, "Junk", "1") == (
        f"Junk of {BOB} keeps messages for 1 day\n"
    )
    assert shell.json("retention", "set", BOB, "Trash", "never")["days"] == 0
    assert shell.says("retention", "set", BOB, "Junk", "default") == (
        f"Junk of {BOB} keeps messages for 30 days\n"
    )
    kept = {one["mailbox"]: one["by"] for one in shell.json("retention", "list", BOB)}
    assert (kept["Junk"], kept["Trash"]) == ("settings", "postmaster")
    assert "neither never nor default" in shell.misuses("retention", "set", BOB, "Junk", "-")
    assert "Nowhere" in shell.refuses("retention", "set", BOB, "Nowhere", "3")
    assert "postroom account" in shell.refuses("retention", "list", "no@demo.test")
