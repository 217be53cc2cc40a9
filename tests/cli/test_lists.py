from tests.cli.conftest import Shell


def test_a_list_from_its_making_to_its_end(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    said = shell.says(
        "list", "add", "dev@demo.test", "a@else.example", "b@else.example", "--name", "Developers",
        "--owner", "o@else.example",
    )  # fmt: skip
    assert said == "mailing list dev@demo.test added, with 2 members\n"
    assert shell.says("list", "list").splitlines() == [
        "LIST           MEMBERS  POSTING  MODERATION  NAME",
        "dev@demo.test  2        members  none        Developers",
    ]
    shown = shell.says("list", "show", "dev@demo.test")
    for words in ("o@else.example", "5M", "closed", "archive"):
        assert words in shown
    changed = shell.json(
        "list", "set", "dev@demo.test", "--posting", "anyone", "--max-size", "none"
    )
    assert (changed["posting"], changed["max_size"], changed["owners"]) == (
        "anyone", 0, ["o@else.example"],
    )  # fmt: skip
    shell.says("list", "set", "dev@demo.test", "--archive", "k@else.example")
    assert shell.json("list", "set", "dev@demo.test", "--no-archive")["archive"] == []
    assert "nothing to set" in shell.misuses("list", "set", "dev@demo.test")
    both = shell.misuses(
        "list", "set", "dev@demo.test", "--no-archive", "--archive", "k@else.example"
    )
    assert "say one of them" in both
    assert shell.says("list", "rename", "dev@demo.test", "new@demo.test").endswith(
        "new@demo.test\n"
    )
    assert "is a mailing list" in shell.refuses("alias", "show", "new@demo.test")
    assert shell.says("list", "remove", "new@demo.test") == "mailing list new@demo.test removed\n"
    assert shell.refuses("list", "show", "new@demo.test").startswith(
        "no mailing list new@demo.test"
    )


def test_members_are_listed_and_changed(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("list", "add", "dev@demo.test")
    said = shell.says(
        "list", "members", "dev@demo.test", "--add", "a@else.example", "--add-from", "-",
        typed="b@else.example\n\nc@else.example\n",
    )  # fmt: skip
    assert said == "mailing list dev@demo.test has 3 members\n"
    said = shell.says(
        "list", "members", "dev@demo.test", "--remove", "a@else.example", "--suspend",
        "b@else.example",
    )  # fmt: skip
    assert said == "mailing list dev@demo.test has 2 members\n"
    found = shell.json("list", "members", "dev@demo.test")
    assert [(one["address"], one["suspended"]) for one in found] == [
        ("b@else.example", True),
        ("c@else.example", False),
    ]
    shell.says("list", "members", "dev@demo.test", "--resume", "b@else.example")
    assert "suspended" not in shell.says("list", "members", "dev@demo.test", "--search", "b@")


def test_no_post_waits(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("list", "add", "dev@demo.test")
    assert shell.run("list", "held", "dev@demo.test").stderr == "No post waits.\n"
    for word in ("accept", "reject"):
        assert "waits for an owner" in shell.refuses("list", word, "0000000000000")
