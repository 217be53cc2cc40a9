import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def demo(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    for name in ("desk", "bob"):
        shell.says("account", "add", f"{name}@demo.test")
    shell.says("alias", "add", "team@demo.test", "bob@demo.test")
    return shell


def test_mailboxes_are_shared_listed_and_taken_back(demo: Shell) -> None:
    assert demo.says("share", "list") == ""
    assert demo.says("share", "add", "desk@demo.test", "team@demo.test", "--rights", "send") == (
        "desk@demo.test is shared with team@demo.test: send (lrswipte)\n"
    )
    assert demo.json("share", "add", "desk@demo.test/INBOX", "bob@demo.test") == {
        "owner": "desk@demo.test",
        "mailbox": "INBOX",
        "grantee": "bob@demo.test",
        "kind": "account",
        "access": "read",
        "rights": "lrs",
    }
    assert demo.says("share", "list").splitlines() == [
        "SHARED                WITH            ACCESS  RIGHTS",
        "desk@demo.test        team@demo.test  send    lrswipte",
        "desk@demo.test/INBOX  bob@demo.test   read    lrs",
    ]
    assert len(demo.json("share", "list", "BOB@demo.test")) == 2
    assert len(demo.json("share", "list", "bob@demo.test", "--limit", "1")) == 1
    assert [one["grantee"] for one in demo.json("share", "list", "team@demo.test")] == [
        "team@demo.test"
    ]
    assert "desk@demo.test" in demo.says("account", "send-as", "bob@demo.test")
    assert demo.says("share", "remove", "desk@demo.test/INBOX", "bob@demo.test") == (
        "desk@demo.test/INBOX is not shared with bob@demo.test any more\n"
    )
    assert demo.refuses("share", "remove", "desk@demo.test/INBOX", "bob@demo.test") == (
        "desk@demo.test/INBOX is not shared with bob@demo.test;"
        " see: postroom share list desk@demo.test"
    )
    demo.says("share", "remove", "desk@demo.test", "team@demo.test")
    assert demo.json("share", "list") == []


def test_mistakes_are_named(demo: Shell) -> None:
    refuses = demo.refuses
    assert refuses("share", "add", "desk@demo.test", "bob@demo.test", "--rights", "readonly") == (
        "there is no right 'o'; the rights are lrswipkxtea"
    )
    assert refuses("share", "add", "desk@demo.test", "x@y.test") == (
        "x@y.test is no account and no alias here, so nothing can be shared with it"
    )
    assert refuses("share", "add", "desk@demo.test/Nowhere", "bob@demo.test") == (
        "desk@demo.test has no mailbox 'Nowhere'; it has Archive, Drafts, INBOX, Junk, Sent, Trash"
    )
    assert "Missing argument" in demo.misuses("share", "add", "desk@demo.test")
