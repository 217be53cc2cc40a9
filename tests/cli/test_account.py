import re

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def demo(shell: Shell) -> Shell:
    shell.says("domain", "add", "demo.test")
    return shell


def add(demo: Shell, address: str, *options: str) -> None:
    demo.says("account", "add", address, "--password-stdin", *options, typed="long enough\n")


def test_an_account_may_have_no_password(demo: Shell) -> None:
    demo.says("account", "add", "ann@demo.test", "--no-password")
    assert not demo.json("account", "show", "ann@demo.test")["has_password"]
    demo.says("account", "password", "ann@demo.test", "--password-stdin", typed="long enough\n")
    assert demo.json("account", "show", "ann@demo.test")["has_password"]
    demo.says("account", "password", "ann@demo.test", "--remove")
    assert not demo.json("account", "show", "ann@demo.test")["has_password"]
    assert demo.refuses("account", "password", "ann@demo.test", "--remove") == (
        "ann@demo.test has no password"
    )


def test_how_somebody_gets_in_and_what_is_kept_is_shown(demo: Shell) -> None:
    add(demo, "ann@demo.test")
    shown = demo.json("account", "show", "ann@demo.test")
    assert (shown["second_factor"], shown["passkeys"]) == (False, 0)
    demo.says("retention", "set", "ann@demo.test", "Sent", "90")
    lines = [line.split() for line in demo.says("account", "show", "ann@demo.test").splitlines()]
    assert ["second", "factor", "none"] in lines
    assert ["keeps", "Junk:", "30", "days"] in lines
    assert ["Sent:", "90", "days"] in lines


def test_an_account_needs_its_domain(shell: Shell) -> None:
    assert shell.refuses("account", "add", "alice@demo.test") == (
        "demo.test is not a domain of this server; run: postroom domain add demo.test"
    )


def test_accounts_are_added_listed_and_shown(demo: Shell) -> None:
    add(demo, "Alice@demo.test", "--name", "Alice A", "--quota", "10G", "--admin")
    said = demo.says("account", "add", "bob@demo.test").splitlines()
    assert said[0] == "account bob@demo.test added"
    assert re.fullmatch(r"password: [a-z0-9-]{24}", said[1])
    told = demo.json("account", "add", "carol@demo.test")
    assert (told["address"], len(told["password"])) == ("carol@demo.test", 24)
    assert demo.says("account", "list").splitlines() == [
        "ADDRESS          NAME     STATE   ROLE   QUOTA",
        "Alice@demo.test  Alice A  active  owner  10G",
        "bob@demo.test             active         none",
        "carol@demo.test           active         none",
    ]
    found = demo.json("account", "list", "--search", "ALICE a", "--limit", "3")
    assert [one["address"] for one in found] == ["Alice@demo.test"]
    assert len(demo.json("account", "list", "--limit", "2")) == 2
    shown = demo.json("account", "show", "alice@demo.test")
    assert (shown["quota"], shown["admin"], shown["used"]) == (10 << 30, True, 0)
    assert "password" not in shown
    said_ = demo.says("account", "show", "alice@demo.test")
    assert re.search(r"^quota +10G$", said_, re.MULTILINE)
    assert re.search(r"^used +0B in 0 messages$", said_, re.MULTILINE)
    assert demo.refuses("account", "add", "ALICE@demo.test") == (
        "Alice@demo.test is an account already"
    )


@pytest.mark.parametrize(
    ("size", "octets"),
    [
        ("10G", 10 << 30),
        ("500m", 500 << 20),
        ("1.5 KiB", 1536),
        ("7", 7),
        ("none", 0),
        ("1TB", 1 << 40),
    ],
)
def test_quotas_are_read_in_every_unit(demo: Shell, size: str, octets: int) -> None:
    add(demo, "alice@demo.test")
    assert demo.json("account", "quota", "alice@demo.test", size)["quota"] == octets
    assert demo.json("account", "quota", "alice@demo.test")["quota"] == octets


@pytest.mark.parametrize(
    "size", ["much", "-1", "1X", "", "1e3", "9" * 400, "9" * 18 + "P", "4096P", "\u0663G"]
)
def test_other_quotas_are_wrong_usage(demo: Shell, size: str) -> None:
    add(demo, "alice@demo.test")
    demo.misuses("account", "quota", "alice@demo.test", "--", size)


def test_the_number_of_messages_is_limited_apart(demo: Shell) -> None:
    add(demo, "alice@demo.test", "--messages", "500")
    assert demo.says("account", "quota", "alice@demo.test").strip() == (
        "quota of alice@demo.test: 500 messages, used: 0B in 0 messages"
    )
    assert "quota of alice@demo.test: 1 message, " in demo.says(
        "account", "quota", "alice@demo.test", "--messages", "1"
    )
    demo.says("account", "quota", "alice@demo.test", "--messages", "500")
    told = demo.json("account", "quota", "alice@demo.test", "1G")
    assert (told["quota"], told["message_quota"], told["messages"]) == (1 << 30, 500, 0)
    told = demo.json("account", "quota", "alice@demo.test", "--messages", "9")
    assert (told["quota"], told["message_quota"]) == (1 << 30, 9)
    assert "1G, 9 messages" in demo.says("account", "list")
    told = demo.json("account", "quota", "alice@demo.test", "none", "--messages", "None")
    assert (told["quota"], told["message_quota"]) == (0, 0)
    for wrong in ("-1", "many", "1.5", "\u0663"):
        demo.misuses("account", "quota", "alice@demo.test", "--messages", wrong)


def test_an_account_is_changed_disabled_and_enabled(demo: Shell) -> None:
    add(demo, "alice@demo.test")
    changed = demo.json("account", "set", "alice@demo.test", "--name", "A", "--admin")
    assert (changed["name"], changed["admin"]) == ("A", True)
    assert not demo.json("account", "set", "alice@demo.test", "--no-admin")["admin"]
    assert "nothing to set" in demo.misuses("account", "set", "alice@demo.test")
    assert (
        demo.says("account", "disable", "alice@demo.test") == "account alice@demo.test disabled\n"
    )
    assert demo.json("account", "show", "alice@demo.test")["state"] == "disabled"
    assert demo.json("account", "enable", "alice@demo.test")["state"] == "active"


def test_an_account_is_renamed_and_has_further_addresses(demo: Shell) -> None:
    add(demo, "alice@demo.test")
    assert demo.says("account", "rename", "alice@demo.test", "zoe@demo.test", "--keep-old") == (
        "account alice@demo.test is now zoe@demo.test\n"
    )
    shown = demo.json("account", "address", "add", "zoe@demo.test", "z@demo.test")
    assert shown["addresses"] == ["alice@demo.test", "z@demo.test"]
    assert demo.says("account", "address", "remove", "zoe@demo.test", "alice@demo.test") == (
        "zoe@demo.test no longer receives as alice@demo.test\n"
    )
    assert "main address" in demo.refuses(
        "account", "address", "remove", "zoe@demo.test", "zoe@demo.test"
    )


def test_an_account_is_removed_and_restored(demo: Shell) -> None:
    add(demo, "alice@demo.test")
    demo.says("account", "address", "add", "alice@demo.test", "al@demo.test")
    demo.says("alias", "add", "team@demo.test", "alice@demo.test")
    removed = demo.run("account", "remove", "alice@demo.test")
    assert removed.stdout.startswith("account alice@demo.test removed; until 20")
    assert removed.stderr == "note: still named by team@demo.test\n"
    assert demo.json("account", "list") == []
    assert "KEPT UNTIL" in demo.says("account", "list", "--removed")
    assert "postroom account restore" in demo.refuses("account", "show", "alice@demo.test")
    demo.says("alias", "add", "al@demo.test", "x@example.org")
    restored = demo.run("account", "restore", "alice@demo.test")
    assert restored.stdout == "account alice@demo.test restored\n"
    assert restored.stderr == "note: taken by others meanwhile: al@demo.test\n"
    assert "no removed account" in demo.refuses("account", "restore", "alice@demo.test")


def test_hostile_names_change_nothing(demo: Shell) -> None:
    """R10."""
    add(demo, "alice@demo.test")
    before = demo.json("account", "list")
    for name in (
        "'; DROP TABLE account; --",
        "$(id)@demo.test",
        "a@demo.test\r\nRCPT",
        "%@demo.test",
    ):
        demo.refuses("account", "show", name)
        demo.refuses("account", "remove", name)
    assert demo.json("account", "list") == before


def test_the_settings_of_mail_programs_are_shown(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    told = shell.says("account", "settings", "alice@demo.test").splitlines()
    assert told[0].split() == ["server", "mx.demo.test"]
    assert told[1].split() == ["user", "name", "alice@demo.test"]
    assert "IMAP         993   at once" in told
    assert "SMTP         587   STARTTLS" in told
    as_json = shell.json("account", "settings", "alice@demo.test")
    assert as_json["services"][0] == {"protocol": "imap", "port": 993, "encryption": "implicit"}
    assert "postroom domain list" in shell.refuses("account", "settings", "alice@other.test")
