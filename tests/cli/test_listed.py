"""What ``list`` does for every noun that has it from one place."""

import pytest

from tests.cli.conftest import Shell

NOUNS = ["alias", "ban", "dkim", "list", "relay", "tls"]


@pytest.mark.parametrize("noun", NOUNS)
def test_none_are_told_as_none(shell: Shell, noun: str) -> None:
    done = shell.run(noun, "list", "--search", "nowhere.example")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith(" with 'nowhere.example'.\n")
    assert shell.json(noun, "list", "--search", "nowhere.example") == []


def test_search_and_limit_choose(shell: Shell) -> None:
    for network in ("192.0.2.1", "192.0.2.2", "198.51.100.1"):
        shell.says("ban", "add", network)
    found = shell.json("ban", "list", "--search", "192.0.2")
    assert [one["network"] for one in found] == ["192.0.2.1/32", "192.0.2.2/32"]
    lines = shell.says("ban", "list", "--limit", "1").splitlines()
    assert [line.split()[0] for line in lines] == ["NETWORK", "192.0.2.1/32"]
