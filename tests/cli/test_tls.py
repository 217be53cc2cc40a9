from tests.cli.conftest import Shell


def test_rules_are_set_listed_and_removed(shell: Shell) -> None:
    assert shell.says("tls", "set", "Bank.test", "verify") == "TLS of mail to bank.test: verify\n"
    assert shell.json("tls", "set", "a.test", "none")["mode"] == "none"
    lines = [line.split()[:2] for line in shell.says("tls", "list").splitlines()]
    assert lines == [["DOMAIN", "MODE"], ["a.test", "none"], ["bank.test", "verify"]]
    assert [one["domain"] for one in shell.json("tls", "list", "--search", "bank")] == ["bank.test"]
    assert len(shell.json("tls", "list", "--limit", "1")) == 1
    assert shell.says("tls", "remove", "bank.test") == "TLS rule of bank.test removed\n"
    assert shell.json("tls", "remove", "a.test")["domain"] == "a.test"
    assert "postroom tls list" in shell.refuses("tls", "remove", "a.test")


def test_wrong_words_are_told(shell: Shell) -> None:
    assert "'always' is not one of" in shell.misuses("tls", "set", "a.test", "always")
    assert "Missing argument" in shell.misuses("tls", "set", "a.test")
    assert "no domain" in shell.refuses("tls", "set", "no domain", "may")
