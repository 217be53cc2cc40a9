from datetime import UTC, datetime

from tests.cli.conftest import Shell


def year() -> int:
    return datetime.now(UTC).year


def test_domains_are_added_listed_shown_and_removed(shell: Shell) -> None:
    assert shell.says("domain", "add", "Demo.test") == "domain demo.test added\n"
    assert shell.says("domain", "add", "bücher.example", "--alias-of", "demo.test") == (
        "domain bücher.example added as an alias of demo.test\n"
    )
    assert shell.says("domain", "list").splitlines() == [
        "DOMAIN          ALIAS OF   CATCH-ALL",
        "demo.test",
        "bücher.example  demo.test",
    ]
    names = [one["ascii"] for one in shell.json("domain", "list")]
    assert names == ["demo.test", "xn--bcher-kva.example"]
    assert len(shell.json("domain", "list", "--limit", "1")) == 1
    assert len(shell.json("domain", "list", "--search", "bücher.other")) == 0
    assert len(shell.json("domain", "list", "--search", "bücher.example")) == 1
    shown = shell.json("domain", "show", "demo.test")
    assert shown["accounts"] == 0
    assert shown["alias_domains"] == ["xn--bcher-kva.example"]
    assert "in DNS" in shell.says("domain", "show", "bücher.example")
    assert shell.refuses("domain", "remove", "demo.test") == (
        "xn--bcher-kva.example is an alias of demo.test;"
        " run: postroom domain remove xn--bcher-kva.example"
    )
    said = shell.says("domain", "show", "demo.test")
    assert "signing keys   pr2026a (active)" in said.replace(str(year()), "2026")
    shell.says("domain", "remove", "bücher.example")
    assert shell.json("domain", "remove", "demo.test")["name"] == "demo.test"
    assert shell.json("domain", "list") == []
    assert "postroom domain add demo.test" in shell.refuses("domain", "show", "demo.test")


def test_settings_are_changed_one_by_one(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("alias", "add", "all@demo.test", "x@example.org")
    changed = shell.json("domain", "set", "demo.test", "--catch-all", "all@demo.test")
    assert changed["catch_all"] == "all@demo.test"
    changed = shell.json("domain", "set", "demo.test", "--separators", "", "--case", "sensitive")
    assert (changed["separators"], changed["case"]) == ("", "sensitive")
    changed = shell.json("domain", "set", "demo.test", "--catch-all", "none", "--dots", "ignored")
    assert (changed["catch_all"], changed["dots"], changed["case"]) == ("", "ignored", "sensitive")
    assert "nothing to set" in shell.misuses("domain", "set", "demo.test")
    assert "--case" in shell.misuses("domain", "set", "demo.test", "--case", "loud")
    assert "can't separate" in shell.refuses("domain", "set", "demo.test", "--separators", "@")


def test_a_journal_is_set_shown_and_ended(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    assert shell.says("domain", "journal", "demo.test") == "no journal\n"
    assert shell.says("domain", "journal", "demo.test", "Archive@Vault.test") == (
        "the journal of demo.test goes to Archive@vault.test\n"
    )
    assert shell.says("domain", "journal", "demo.test") == "Archive@vault.test\n"
    assert "journal       Archive@vault.test\n" in shell.says("domain", "show", "demo.test")
    assert [one["journal"] for one in shell.json("domain", "list")] == ["Archive@vault.test"]
    refused = shell.refuses("domain", "journal", "demo.test", "nobody@demo.test")
    assert "postroom account add nobody@demo.test" in refused
    assert "either" in shell.misuses("domain", "journal", "demo.test", "a@b.test", "--off")
    assert shell.json("domain", "journal", "demo.test", "--off")["journal"] == ""
    assert shell.says("domain", "journal", "demo.test", "--off") == "demo.test has no journal\n"
    entries = shell.json("audit", "list", "--object", "demo.test")
    (first,) = [one for one in entries if one["detail"].get("address") == "Archive@Vault.test"]
    assert first["action"] == "domain.journal"


def test_a_domain_is_renamed(shell: Shell) -> None:
    shell.says("domain", "add", "old.test")
    assert shell.says("domain", "rename", "old.test", "new.test", "--keep-old") == (
        "domain old.test is now new.test\n"
    )
    assert shell.json("domain", "show", "old.test")["alias_of"] == "new.test"


def test_a_new_domain_says_where_its_keys_are(shell: Shell) -> None:
    added = shell.run("domain", "add", "demo.test")
    assert added.stderr == (
        "note: its mail is signed; its records for DNS: postroom dns demo.test\n"
    )
    told = shell.json("domain", "add", "other.test")
    assert [key["algorithm"] for key in told["dkim"]] == ["rsa", "ed25519"]
    assert told["dkim"] == shell.json("dkim", "show", "other.test")
    renamed = shell.run("domain", "rename", "demo.test", "new.test")
    assert "postroom dkim show new.test" in renamed.stderr


def test_a_backup_mx_is_told_in_lists_and_by_itself(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    assert shell.says("domain", "add", "first.test", "--backup-mx") == (
        "this server is a backup MX for first.test\n"
    )
    assert shell.says("domain", "list").splitlines() == [
        "DOMAIN      ALIAS OF     CATCH-ALL",
        "demo.test",
        "first.test  (backup MX)",
    ]
    assert [one["ascii"] for one in shell.json("domain", "list")] == ["demo.test", "first.test"]
    assert len(shell.json("domain", "list", "--limit", "1")) == 1
    assert len(shell.json("domain", "list", "--search", "first")) == 1
    assert "as a backup MX" in shell.says("domain", "show", "first.test")
    assert shell.json("domain", "show", "first.test")["backup_mx"] is True
    assert "no aliases" in shell.misuses(
        "domain", "add", "x.test", "--backup-mx", "--alias-of", "demo.test"
    )
    assert "postroom domain remove first.test" in shell.refuses("domain", "add", "first.test")
    assert shell.says("domain", "remove", "first.test") == "domain first.test removed\n"
    assert [one["ascii"] for one in shell.json("domain", "list")] == ["demo.test"]


def test_what_a_domain_may_hold(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    assert shell.says("domain", "limits", "demo.test") == "limits of demo.test: none\n"
    assert shell.says(
        "domain", "limits", "demo.test", "--accounts", "1", "--quota", "1.5G", "--total", "10G"
    ) == ("limits of demo.test: accounts: 1, 1.5G for a new account, 10G for all together\n")
    shell.says("account", "add", "a@demo.test", "--no-password")
    assert "may hold (1)" in shell.refuses("account", "add", "b@demo.test", "--no-password")
    for word in ("many", "-1", "1.5"):
        said = shell.misuses("domain", "limits", "demo.test", "--accounts", word)
        assert f"{word!r} is no number of accounts; write 100 or none" in said
    assert shell.json("domain", "limits", "demo.test")["accounts"] == 1
    shell.says("domain", "limits", "demo.test", "--aliases", "0", "--accounts", "3")
    told = shell.json("domain", "limits", "demo.test", "--accounts", "none")
    assert (told["accounts"], told["total_quota"]) == (0, 10 << 30)
    assert "1.5G for a new account" in shell.says("domain", "show", "demo.test")
