"""``postroom token``."""

from tests.cli.conftest import Shell


def test_tokens_are_made_listed_and_removed(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    token = shell.says("token", "add", "ci", "--scope", "queue:read,mail:send").strip()
    assert token.startswith("postroom_")
    made = shell.json(
        "token", "add", "panel", "--scope", "accounts:read", "--scope", "accounts:write",
        "--domain", "demo.test", "--expires", "2999-01-01",
    )  # fmt: skip
    assert made["domain"] == "demo.test"
    assert made["expires"] == "2999-01-01T00:00:00Z"
    heading, first, second = shell.says("token", "list").splitlines()
    assert heading.split()[:2] == ["NAME", "SCOPES"]
    assert first.startswith("ci  ")
    assert "mail:send,queue:read" in first
    assert "never" in first
    assert "demo.test" in second
    assert token not in shell.says("token", "list", "--json")
    assert shell.says("token", "remove", "ci") == "ci opens nothing any more\n"
    assert [one["name"] for one in shell.json("token", "list", "--limit", "1")] == ["panel"]


def test_what_is_wrong_is_told(shell: Shell) -> None:
    assert "'all' is no scope" in shell.refuses("token", "add", "ci", "--scope", "all")
    assert "no token 'ci'" in shell.refuses("token", "remove", "ci")
    assert "--scope" in shell.misuses("token", "add", "ci")
    assert "--expires" in shell.misuses("token", "add", "ci", "--scope", "admin", "--expires", "x")
