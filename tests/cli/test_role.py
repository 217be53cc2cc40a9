from tests.cli.conftest import Shell


def test_a_role_is_shown_and_given(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "bob@demo.test", "--password-stdin", typed="long enough\n")
    command = ("account", "role", "bob@demo.test")
    assert shell.says(*command) == "bob@demo.test: person\n"
    assert shell.says(*command, "admin", "--domain", "demo.test") == (
        "bob@demo.test: admin of demo.test\n"
    )
    assert shell.json(*command) == {
        "address": "bob@demo.test", "role": "admin", "domains": ["demo.test"],
    }  # fmt: skip
    said = shell.says("account", "show", "bob@demo.test")
    assert "role" in said
    assert "administers" in said
    assert "admin" in shell.says("account", "list")
    assert shell.says(*command, "owner") == "bob@demo.test: owner\n"
    assert "name them" in shell.refuses(*command, "admin")
    assert "role admin" in shell.misuses(*command, "--domain", "demo.test")
    assert shell.says(*command) == "bob@demo.test: owner\n"
    shell.says(*command, "person")
    assert "administers" not in shell.says("account", "show", "bob@demo.test")
