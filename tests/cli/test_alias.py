from tests.cli.conftest import Shell


def test_aliases_are_added_listed_shown_changed_and_removed(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    added = shell.run("alias", "add", "team@demo.test", "x@example.org", "later@demo.test")
    assert (added.exit_code, added.stdout) == (0, "alias team@demo.test added\n")
    assert added.stderr.startswith("note: later@demo.test does not receive mail (yet)")
    assert shell.says("alias", "list").splitlines() == [
        "ALIAS           TARGETS                         MEMBERS  WRITERS",
        "team@demo.test  x@example.org, later@demo.test  shown    anyone",
    ]
    (listed,) = shell.json("alias", "list", "--search", "later")
    assert listed["targets"] == ["x@example.org", "later@demo.test"]
    assert "later@demo.test  (unknown)" in shell.says("alias", "show", "TEAM@demo.test")
    changed = shell.json(
        "alias", "set", "team@demo.test", "--remove", "later@demo.test", "--hidden"
    )
    assert changed["hidden"]
    assert changed["targets"] == [{"address": "x@example.org", "kind": "remote", "name": ""}]
    changed = shell.json(
        "alias", "set", "team@demo.test", "y@example.org", "--add", "z@example.org"
    )
    assert [one["address"] for one in changed["targets"]] == ["y@example.org", "z@example.org"]
    assert "nothing to set" in shell.misuses("alias", "set", "team@demo.test")
    shell.says("alias", "rename", "team@demo.test", "crew@demo.test")
    assert shell.says("alias", "remove", "crew@demo.test") == "alias crew@demo.test removed\n"
    assert shell.refuses("alias", "show", "crew@demo.test") == (
        "no alias crew@demo.test; see: postroom alias list"
    )


def test_a_loop_is_refused_with_its_way(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("alias", "add", "a@demo.test", "b@demo.test")
    assert shell.refuses("alias", "add", "b@demo.test", "a@demo.test") == (
        "b@demo.test would be a loop: b@demo.test -> a@demo.test -> b@demo.test"
    )
    assert "Missing argument" in shell.misuses("alias", "add", "c@demo.test")


def test_a_long_alias_is_short_in_the_list(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    targets = [f"u{number}@example.org" for number in range(8)]
    shell.says("alias", "add", "all@demo.test", *targets)
    assert "u4@example.org and 3 more" in shell.says("alias", "list")
    assert len(shell.json("alias", "list")[0]["targets"]) == 8


def test_who_may_write_and_a_pattern(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("alias", "add", "sales-*@demo.test", "x@example.org", "--writers", "here")
    assert "here" in shell.says("alias", "show", "sales-*@demo.test")
    assert shell.json("alias", "set", "sales-*@demo.test", "--writers", "members")["writers"] == (
        "members"
    )
    assert "Invalid value" in shell.misuses("alias", "set", "sales-*@demo.test", "--writers", "x")
