"""``postroom mask``."""

from tests.cli.conftest import Shell

BOB = "bob@demo.test"


def test_masks_are_made_and_switched(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")
    address = shell.says("mask", "add", BOB, "--label", "a shop").strip()
    heading, line = shell.says("mask", "list", BOB).splitlines()
    assert heading.split() == ["ADDRESS", "LABEL", "STATE", "CREATED", "MESSAGES", "LAST"]
    assert line.startswith(f"{address}  a shop  on ")
    assert shell.says("mask", "off", address) == f"{address} is off: mail to it is refused\n"
    assert shell.json("mask", "list", BOB)[0]["is_on"] is False
    assert shell.says("mask", "on", address) == f"{address} is on\n"
    assert shell.says("mask", "label", address, "x") == f"{address} is for x\n"
    assert shell.json("mask", "list", BOB, "--limit", "1")[0]["label"] == "x"
    assert shell.says("mask", "remove", address) == f"{address} is gone\n"
    assert shell.json("mask", "list", BOB) == []
    assert "is no masked address" in shell.refuses("mask", "off", BOB)
