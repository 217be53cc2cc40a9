"""``postroom webhook``."""

from tests.cli.conftest import Shell


def test_webhooks_are_added_listed_and_removed(shell: Shell) -> None:
    ident, secret = shell.says(
        "webhook", "add", "https://127.0.0.1:8443/x", "--event", "peer.banned,message.bounced"
    ).split()
    assert secret.startswith("whsec_")
    heading, line = shell.says("webhook", "list").splitlines()
    assert heading.split()[:4] == ["ID", "URL", "STATE", "EVENTS"]
    assert line.startswith(ident)
    assert secret not in shell.says("webhook", "list", "--json")
    tried = shell.run("webhook", "test", ident)
    assert tried.exit_code == 1
    assert "127.0.0.1" in tried.stdout
    heading, line = shell.says("webhook", "log", ident).splitlines()
    assert heading.split()[:4] == ["TIME", "EVENT", "ATTEMPT", "ANSWER"]
    assert "webhook.test  1 " in line
    assert shell.json("webhook", "log", ident)[0]["is_good"] is False
    assert shell.says("webhook", "off", ident).endswith("is told nothing for now\n")
    assert [one["is_on"] for one in shell.json("webhook", "list")] == [False]
    assert shell.says("webhook", "on", ident).endswith("is told again\n")
    assert [one["is_on"] for one in shell.json("webhook", "list")] == [True]
    assert shell.says("webhook", "remove", ident).endswith("is told nothing more\n")
    assert shell.json("webhook", "list") == []
    assert "no such webhook" in shell.refuses("webhook", "remove", ident)
    assert "https address" in shell.refuses("webhook", "add", "http://x", "--event", "*")
