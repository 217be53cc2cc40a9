from tests.cli.conftest import Shell


def test_a_second_factor_that_is_not_there(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "bob@demo.test", "--password-stdin", typed="long enough\n")
    assert shell.says("account", "totp", "show", "bob@demo.test") == "second factor  off\n"
    assert shell.json("account", "totp", "show", "bob@demo.test")["state"] == "off"
    assert shell.refuses("account", "totp", "reset", "bob@demo.test") == (
        "bob@demo.test has no second factor"
    )
