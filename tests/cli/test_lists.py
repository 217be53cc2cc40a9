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


def test_no_list_is_made_when_one_of_its_members_can_not_be_one(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    for wrong, why in (
        ("ann@demo.test", "ann@demo.test receives no mail here; add it first"),
        ("ann", "'ann' has no @"),
        ("dev@demo.test", "dev@demo.test can't be in itself"),
    ):
        said = shell.refuses("list", "add", "dev@demo.test", "b@else.example", wrong)
        assert why in said
        assert shell.json("list", "list") == []
    shell.says("account", "add", "ann@demo.test")
    shell.says("list", "add", "dev@demo.test", "b@else.example", "ann@demo.test")
    assert len(shell.json("list", "members", "dev@demo.test")) == 2


def test_a_file_of_members_is_read_as_a_whole_and_faults_are_named_by_line(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("list", "add", "dev@demo.test")
    add = ("list", "members", "dev@demo.test", "--add-from", "-")
    said = shell.refuses(*add, typed="a@else.example\n\nBob <b@else.example>\n")
    assert said.startswith("line 3: ")
    assert "one address a line" in said
    assert shell.json("list", "members", "dev@demo.test") == []
    assert "1 member" in shell.says(*add, typed="# ours\n  a@else.example \n#\n")
    assert "1 member" in shell.says(*add, "--add", "a@else.example", typed="# nobody\n")


def test_moderation_that_holds_nothing_is_told(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    odd = ("--posting", "anyone", "--moderation", "others")
    assert "so no post waits" in shell.run("list", "add", "dev@demo.test", *odd).stderr
    said = shell.run("list", "set", "dev@demo.test", "--posting", "members")
    assert (said.exit_code, said.stderr) == (0, "")
    assert "so no post waits" in shell.run("list", "set", "dev@demo.test", *odd).stderr


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
