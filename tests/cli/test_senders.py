"""``postroom account block`` and ``allow``."""

from tests.cli.conftest import Shell

BOB = "bob@demo.test"


def test_senders_are_blocked_and_allowed(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")
    assert shell.says("account", "block", BOB) == (
        f"{BOB} refuses mail from nobody in particular\n"
    )
    said = shell.says("account", "block", BOB, "X.example", "*.y.example")
    assert said == f"{BOB} refuses mail from *.y.example, x.example\n"
    said = shell.says("account", "allow", BOB, "ann@z.example")
    assert said == f"{BOB} never takes for junk mail from ann@z.example\n"
    assert shell.json("account", "block", BOB) == {
        "account": BOB, "list": "block", "senders": ["*.y.example", "x.example"],
    }  # fmt: skip
    said = shell.says("account", "block", BOB, "--remove", "x.example")
    assert said == f"{BOB} refuses mail from *.y.example\n"
    assert "nothing to remove" in shell.refuses("account", "allow", BOB, "--remove", "x.example")
    assert "needs a SENDER" in shell.misuses("account", "allow", BOB, "--remove")
    assert "is no sender" in shell.refuses("account", "block", BOB, "a b")
