import re

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def demo(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    for name in ("alice", "bob"):
        shell.says("account", "add", f"{name}@demo.test")
    return shell


def test_an_account_forwards_its_mail(demo: Shell) -> None:
    assert demo.says("account", "forward", "alice@demo.test") == (
        "alice@demo.test forwards to nobody\n"
    )
    assert demo.says(
        "account", "forward", "alice@demo.test", "--to", "b@x.test", "--to", "bob@demo.test"
    ) == ("alice@demo.test forwards to b@x.test, bob@demo.test, a copy is kept\n")
    assert demo.says("account", "forward", "alice@demo.test", "--no-keep") == (
        "alice@demo.test forwards to b@x.test, bob@demo.test\n"
    )
    shown = demo.says("account", "show", "alice@demo.test")
    assert re.search(r"^forwards to +b@x.test\n +bob@demo.test$", shown, re.MULTILINE)
    assert re.search(r"^keeps a copy +no$", shown, re.MULTILINE)
    assert demo.json("account", "list")[0]["forwards"] == ["b@x.test", "bob@demo.test"]
    result = demo.run("account", "forward", "alice@demo.test", "--to", "gone@demo.test", "--keep")
    assert result.stdout == "alice@demo.test forwards to gone@demo.test, a copy is kept\n"
    assert result.stderr == "note: gone@demo.test does not receive mail (yet)\n"
    assert demo.json("account", "forward", "alice@demo.test", "--off") == {
        "account": "alice@demo.test", "to": [], "keeps_copy": True, "unknown": [],
    }  # fmt: skip
    assert "keeps a copy" not in demo.says("account", "show", "alice@demo.test")


def test_forwards_that_make_no_sense(demo: Shell) -> None:
    assert "would be a loop" in demo.refuses(
        "account", "forward", "alice@demo.test", "--to", "alice@demo.test"
    )
    assert "--to ADDRESS" in demo.refuses("account", "forward", "alice@demo.test", "--keep")
    assert "stands alone" in demo.misuses(
        "account", "forward", "alice@demo.test", "--off", "--keep"
    )
    assert "stands alone" in demo.misuses(
        "account", "forward", "alice@demo.test", "--off", "--to", "b@x.test"
    )
    demo.refuses("account", "forward", "carol@demo.test", "--off")


def test_an_account_may_send_as_another(demo: Shell) -> None:
    assert "itself" in demo.says("account", "send-as", "alice@demo.test")
    assert demo.says("account", "send-as", "alice@demo.test", "--add", "Sales@demo.test") == (
        "alice@demo.test may send as Sales@demo.test\n"
    )
    assert demo.json("account", "send-as", "alice@demo.test", "--add", "@demo.test") == {
        "account": "alice@demo.test", "send_as": ["@demo.test", "Sales@demo.test"],
    }  # fmt: skip
    said = demo.says("account", "send-as", "alice@demo.test")
    assert re.search(r"^may send as +@demo.test\n +Sales@demo.test$", said, re.MULTILINE)
    assert "Sales@demo.test" in demo.says("account", "show", "alice@demo.test")
    assert demo.says("account", "send-as", "alice@demo.test", "--remove", "@demo.test") == (
        "alice@demo.test may no longer send as @demo.test\n"
    )
    assert "nothing to remove" in demo.refuses(
        "account", "send-as", "alice@demo.test", "--remove", "@demo.test"
    )
    assert "exclude each other" in demo.misuses(
        "account", "send-as", "alice@demo.test", "--add", "a@demo.test", "--remove", "b@demo.test"
    )


@pytest.mark.parametrize(
    ("word", "limit", "shown"),
    [
        ("500", 500, "to 0 recipients of 500"),
        ("none", 0, "to 0 recipients of any number"),
        ("Default", None, "to 0 recipients"),
        ("100000000", 100_000_000, "to 0 recipients of 100000000"),
    ],
)
def test_a_limit_is_set(demo: Shell, word: str, limit: int | None, shown: str) -> None:
    changed = demo.json("account", "set", "alice@demo.test", "--send-limit", word)
    assert changed["send_limit"] == limit
    said = demo.says("account", "show", "alice@demo.test")
    assert re.search(rf"^sent in 24 hours +{shown}$", said, re.MULTILINE)


@pytest.mark.parametrize("word", ["0", "-1", "many", "1.5", "", "٣", "100000001", "9" * 40])
def test_other_limits_are_wrong_usage(demo: Shell, word: str) -> None:
    said = demo.misuses("account", "set", "alice@demo.test", f"--send-limit={word}")
    assert "none or default" in said


def test_an_account_is_released(demo: Shell) -> None:
    result = demo.run("account", "release", "alice@demo.test")
    assert (result.exit_code, result.stdout) == (0, "account alice@demo.test may send again\n")
    assert result.stderr == "note: it had not been stopped; its count begins anew\n"
    assert demo.json("account", "release", "bob@demo.test") == {
        "account": "bob@demo.test", "was_stopped": False, "messages": 0,
    }  # fmt: skip
    demo.refuses("account", "release", "carol@demo.test")
