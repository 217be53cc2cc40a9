"""``postroom account activity``."""

from tests.cli.conftest import Shell

BOB = "bob@demo.test"


def test_what_has_happened_with_an_account(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")
    shell.says("account", "app-password", "add", BOB, "--label", "phone")
    shell.says("account", "set", BOB, "--name", "Bob")
    told = shell.says("account", "activity", BOB)
    assert "app phone  imap, pop3, sieve, smtp" in told
    assert "Logins (0 of 0 shown):" in told
    assert "Changes (3 of 3 shown):" in told
    assert "account.app-password.add" in told
    found = shell.json("account", "activity", BOB, "--limit", "1")
    assert {one["label"] for one in found["ways"]} == {"", "phone"}
    assert [one["action"] for one in found["changes"]["items"]] == ["account.change"]
    assert (found["changes"]["total"], found["logins"]["total"]) == (3, 0)
    assert "no account no@demo.test" in shell.refuses("account", "activity", "no@demo.test")
    shell.misuses("account", "activity", BOB, "--limit", "0")
