"""``postroom audit``."""

import getpass

from tests.cli.conftest import Shell


def test_commands_are_in_it(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "bob@demo.test", "--password-stdin", typed="long enough\n")
    heading, last, first = shell.says("audit", "list").splitlines()
    assert heading.split() == ["TIME", "WHO", "WHAT", "OF", "WITH"]
    assert "account.add  bob@demo.test" in last
    assert "domain.add " in first
    assert f"command {getpass.getuser()}" in first
    assert "long enough" not in shell.says("audit", "list", "--json")
    (one,) = shell.json("audit", "list", "--object", "Demo.test", "--limit", "5")
    assert (one["action"], one["actor_kind"]) == ("domain.add", "command")
    assert shell.json("audit", "list", "--actor", "nobody") == []
    assert shell.json("audit", "list", "--since", "2999-01-01") == []
    assert "--since" in shell.misuses("audit", "list", "--since", "x")
