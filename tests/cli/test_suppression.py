"""``postroom suppression``."""

from pathlib import Path

from tests.cli.conftest import Shell

BOB = "bob@demo.test"


def test_whom_an_account_does_not_write_to(shell: Shell, tmp_path: Path) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")
    assert shell.json("suppression", "list", BOB) == []
    assert shell.says("suppression", "add", BOB, "b@far.test", "A@far.test") == (
        f"addresses on the suppression list of {BOB}: 2; heeded by what programs send over the"
        " HTTP API (see: postroom suppression use)\n"
    )
    heading, line, _ = shell.says("suppression", "list", BOB).splitlines()
    assert heading.split() == ["ADDRESS", "KIND", "SINCE", "UNTIL", "MESSAGE", "REASON"]
    assert line.split()[:2] == ["a@far.test", "hand"]
    assert [one["address"] for one in shell.json("suppression", "list", BOB, "--search", "b")] == [
        "b@far.test"
    ]
    said = shell.says("suppression", "show", BOB, "a@far.test")
    assert "kind     hand\n" in said
    assert "until    removed\n" in said
    assert shell.says("suppression", "use", BOB, "all") == (
        f"heeds and fills the suppression list of {BOB}: everything that is sent from the account\n"
    )
    assert "heeded by  everything that is sent from the account\nsaid by    the account\n" in (
        shell.says("suppression", "show", BOB)
    )
    file = tmp_path / "list"
    file.write_text("c@far.test\n\nd@far.test\n")
    assert shell.says("suppression", "load", BOB, str(file)) == "addresses read: 2\n"
    assert (
        shell.says("suppression", "load", BOB, "-", typed="e@far.test\n") == "addresses read: 1\n"
    )
    assert ": 4; heeded by everything" in shell.says("suppression", "remove", BOB, "a@far.test")
    assert "is not on the suppression list" in shell.refuses(
        "suppression", "remove", BOB, "a@far.test"
    )


def test_the_lists_of_a_domain(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    for name in ("ann", "bob"):
        shell.says("account", "add", f"{name}@demo.test", "--password-stdin", typed="long enough\n")
        shell.says("suppression", "add", f"{name}@demo.test", "x@far.test", f"{name}@far.test")
    heading, *lines = shell.says("suppression", "list", "demo.test").splitlines()
    assert heading.split()[:2] == ["ACCOUNT", "ADDRESS"]
    assert len(lines) == 4
    found = shell.json("suppression", "list", "demo.test", "--search", "b")
    assert [(one["account"], one["address"]) for one in found] == [(BOB, "bob@far.test")]
    assert shell.says("suppression", "share", "demo.test", "on") == (
        "addresses on the suppression lists of demo.test: 4; heeded by all its accounts\n"
    )
    assert "shared                yes\n" in shell.says("suppression", "show", "demo.test")
    assert len(shell.json("suppression", "show", "demo.test", "x@far.test")) == 2
    assert ": 2; heeded by all" in shell.says("suppression", "remove", "demo.test", "x@far.test")
    assert "is on no suppression list of demo.test" in shell.refuses(
        "suppression", "show", "demo.test", "x@far.test"
    )
    assert "each heeded by its account" in shell.says("suppression", "share", "demo.test", "off")
