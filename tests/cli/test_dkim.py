import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def demo(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    return shell


def test_the_records_to_publish_are_shown(demo: Shell) -> None:
    heading, rsa, ed25519 = demo.says("dkim", "show", "demo.test").splitlines()
    assert heading.split() == ["STATE", "NAME", "TYPE", "VALUE"]
    state, name, kind, value = rsa.split(None, 3)
    assert (state, kind) == ("active", "TXT")
    assert name.startswith("pr20")
    assert name.endswith("a._domainkey.demo.test")
    assert value.startswith("v=DKIM1; k=rsa; p=")
    assert ed25519.split(None, 3)[3].startswith("v=DKIM1; k=ed25519; p=")
    told = demo.json("dkim", "show", "demo.test")
    assert [one["value"] for one in told] == [value, ed25519.split(None, 3)[3]]
    assert set(told[0]) >= {"domain", "selector", "algorithm", "state", "name", "type", "value"}
    assert "private" not in str(told)


def test_keys_are_rotated_and_listed(demo: Shell) -> None:
    rotated = demo.run("dkim", "rotate", "demo.test")
    assert rotated.exit_code == 0
    states = [line.split()[0] for line in rotated.stdout.splitlines()[1:]]
    assert states == ["active", "active", "waiting", "waiting"]
    assert "until they are seen the old keys sign" in rotated.stderr
    assert "postroom dkim rotate demo.test --now" in demo.refuses("dkim", "rotate", "demo.test")
    now = demo.run("dkim", "rotate", "demo.test", "--now")
    states = [line.split()[0] for line in now.stdout.splitlines()[1:]]
    assert states == ["retired", "retired", "active", "active"]
    assert now.stderr.count("in DNS until") == 2
    listed = demo.json("dkim", "list")
    assert [one["state"] for one in listed] == states
    assert len(demo.json("dkim", "list", "--limit", "1")) == 1
    assert demo.json("dkim", "list", "--search", "other") == []
    assert demo.says("dkim", "list").splitlines()[0].split() == [
        "DOMAIN", "SELECTOR", "ALGORITHM", "STATE", "MADE",
    ]  # fmt: skip
    assert len(demo.json("dkim", "rotate", "demo.test")) == 6


def test_other_domains_have_no_keys(shell: Shell) -> None:
    for command in ("show", "rotate"):
        assert shell.refuses("dkim", command, "other.test") == (
            "other.test is not a domain of this server; run: postroom domain add other.test"
        )
    assert shell.json("dkim", "list") == []
