from tests.cli.conftest import Shell


def test_rules_are_added_listed_moved_and_removed(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--password-stdin", typed="open sesame\n")
    add = ("rule", "add", "a@demo.test")
    assert shell.says(*add, "--if", "subject", "contains", "invoice", "--move", "Bills") == (
        "rule 1 of a@demo.test added\n"
    )
    shell.says(
        *add, "--if", "from", "is", "b@x.test", "--unless", "size", "over", "1M", "--any",
        "--flag", "flagged", "--copy", "B", "--forward", "c@x.test", "--stop", "--at", "1",
    )  # fmt: skip
    shell.says(*add, "--every", "--flag", "seen", "--discard")
    assert shell.says("rule", "list", "a@demo.test").splitlines() == [
        "NO  IF                                         THEN",
        "1   from is b@x.test or not size over 1048576  flag \\Flagged; copy B; forward c@x.test; stop",
        "2   subject contains invoice                   move Bills",
        "3   every message                              flag \\Seen; discard",
    ]
    shell.says("rule", "move", "a@demo.test", "1", "2")
    found = shell.json("rule", "show", "a@demo.test")
    assert [one["actions"][0]["kind"] for one in found["rules"]] == ["move", "flag", "flag"]
    text = shell.says("rule", "show", "a@demo.test", "--sieve")
    assert 'if header :contains "subject" "invoice" {\n    fileinto :create "Bills";\n}' in text
    assert shell.json("rule", "show", "a@demo.test", "--sieve") == {"sieve": text}
    assert shell.says("rule", "remove", "a@demo.test", "2") == "rule 2 of a@demo.test removed\n"
    assert "numbered 1 to 2" in shell.refuses("rule", "remove", "a@demo.test", "3")


def test_what_is_no_rule(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--password-stdin", typed="open sesame\n")
    add = ("rule", "add", "a@demo.test")
    assert "--every" in shell.misuses(*add, "--move", "X")
    assert "--every" in shell.misuses(*add, "--every", "--if", "to", "is", "x", "--stop")
    assert "does nothing" in shell.refuses(*add, "--every")
    assert "can't be asked" in shell.refuses(*add, "--if", "body", "is", "x", "--stop")
    assert "no test" in shell.refuses(*add, "--if", "to", "over", "x", "--stop")
    assert shell.says("rule", "list", "a@demo.test") == ""
