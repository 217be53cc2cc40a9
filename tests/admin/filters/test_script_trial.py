import pytest

from postroom.admin.filters.script_trial import Tried, check, try_on
from postroom.sieve.compiler import compile_script
from tests.sieve.desk import NOW, SIMPLE


def tried(script: str, message: bytes = SIMPLE, **given: object) -> Tried:
    return try_on(compile_script(script.encode()), message, now=NOW, **given)  # type: ignore[arg-type]


def test_a_check_tells_every_problem_or_what_is_required() -> None:
    assert check(b'require ["fileinto", "copy"]; keep;').extensions == ("copy", "fileinto")
    found = check(b"keep;\n  nonsense;")
    assert [(one.line, one.column) for one in found.problems] == [(2, 3)]
    assert found.extensions == ()


def test_actions_have_their_names_in_sieve() -> None:
    script = """
        require ["fileinto", "copy", "imap4flags", "reject", "vacation", "enotify", "editheader"];
        addheader "X-A" "b"; addflag "\\\\Seen"; fileinto :copy "A"; redirect :copy "x@example.org";
        notify "mailto:y@example.org"; vacation "gone"; discard;
    """
    found = tried(script)
    assert found.error is None
    names = [one["action"] for one in found.actions]
    assert set(names) >= {"fileinto", "redirect", "notify", "vacation", "discard"}
    filed = found.actions[names.index("fileinto")]
    assert (filed["mailbox"], filed["flags"]) == ("A", ("\\Seen",))
    assert filed["edited"].startswith("X-A: b\r\n")
    assert found.actions[names.index("vacation")]["not_sent"] is None
    rejected = tried('require "reject"; reject "no";').actions
    assert [(one["action"], one["reason"]) for one in rejected] == [("reject", "no")]


def test_why_an_answer_is_not_sent_is_told() -> None:
    (answer, kept) = tried('require "vacation"; vacation "gone";', sender="").actions
    assert answer["not_sent"] == "the message has the null sender"
    assert (kept["action"], kept["is_implicit"]) == ("keep", True)


@pytest.mark.parametrize(
    ("message", "sender", "recipient"),
    [
        (SIMPLE, "alice+news@example.org", "bob@example.com"),
        (b"Return-Path: <>\nDelivered-To: c@x.test\n" + SIMPLE, "", "c@x.test"),
        (b"Return-Path: <r@x.test>\n" + SIMPLE, "r@x.test", "bob@example.com"),
        (b"no header\n", "", ""),
        (b"", "", ""),
    ],
)
def test_the_envelope_is_read_from_the_message(message: bytes, sender: str, recipient: str) -> None:
    found = tried("keep;", message)
    assert (found.sender, found.recipient) == (sender, recipient)
    assert tried("keep;", message, sender="s@x.test", recipient="t@x.test").sender == "s@x.test"


def test_folders_and_included_scripts_are_those_given() -> None:
    script = """
        require ["mailbox", "fileinto", "include"];
        if mailboxexists "A" { fileinto "A"; }
        include "more"; include :optional "none";
    """
    included = {"more": b'require "fileinto";\nfileinto "B";'}.get
    found = tried(script, folders=["A"], included=included)
    assert [one["mailbox"] for one in found.actions] == ["A", "B"]
    assert [(one.script, one.line, one.column, one.command) for one in found.trace] == [
        ("", 3, 9, "if"), ("", 3, 32, "fileinto"), ("", 4, 9, "include"), ("more", 2, 1, "fileinto"),
        ("", 4, 25, "include"),
    ]  # fmt: skip
    found = tried(script)
    assert found.error is not None
    assert [one["action"] for one in found.actions] == ["keep"]
