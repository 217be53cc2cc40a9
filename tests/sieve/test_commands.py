import pytest

from postroom.sieve.actions import Action, Discard, FileInto, Keep, Redirect, Reject
from tests.sieve.desk import actions, outcome

IMPLICIT = Keep(is_implicit=True)
NEEDED = (
    'require ["fileinto", "copy", "reject", "ereject", "mailbox", "special-use", "mailboxid",'
    ' "variables"];'
)


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ("", (IMPLICIT,)),
        ("keep;", (Keep(),)),
        ("keep; keep;", (Keep(),)),
        ("discard;", (Discard(),)),
        ("discard; discard; keep;", (Discard(), Keep())),
        ('redirect "A@Example.ORG";', (Redirect(address="A@example.org"),)),
        (
            'redirect :copy "a@example.org";',
            (Redirect(address="a@example.org", copy=True), IMPLICIT),
        ),
        ('redirect "a@e.org"; redirect "a@E.org";', (Redirect(address="a@e.org"),)),
        ('fileinto "a";', (FileInto(mailbox="a"),)),
        (
            'fileinto "a"; fileinto "b"; fileinto "a";',
            (FileInto(mailbox="a"), FileInto(mailbox="b")),
        ),
        ('fileinto :copy "a";', (FileInto(mailbox="a", copy=True), IMPLICIT)),
        ('keep; fileinto "inbox";', (Keep(),)),
        ('fileinto :copy "INBOX";', (FileInto(mailbox="INBOX", copy=True),)),
        ('fileinto :create "a";', (FileInto(mailbox="a", create=True),)),
        (
            'fileinto :specialuse "\\\\Junk" :mailboxid "F1" "a";',
            (FileInto(mailbox="a", special_use="\\Junk", mailbox_id="F1"),),
        ),
        ('reject "no";', (Reject("no"),)),
        ("ereject text:\nno\n.\n;", (Reject("no\r\n", is_ereject=True),)),
        ('discard; reject "no";', (Discard(), Reject("no"))),
        ("stop; keep;", (IMPLICIT,)),
        ("if true { stop; } keep;", (IMPLICIT,)),
    ],
)
def test_actions(commands: str, expected: tuple[Action, ...]) -> None:
    assert actions(NEEDED + commands) == expected


@pytest.mark.parametrize(
    ("commands", "error"),
    [
        ('redirect "${none}";', "line 1: '' is no address"),
        ('set "a" "x y@e.org";\nredirect "${a}";', "line 2: 'x y@e.org' is no address"),
        ('fileinto "${none}";', "line 1: the name of the mailbox is empty"),
        ('reject "a"; keep;', "reject can't go with keep"),
        ('fileinto "a"; ereject "a";', "ereject can't go with fileinto"),
        ('redirect "a@e.org"; reject "a";', "reject can't go with redirect"),
        ('reject "a"; reject "b";', "reject can't go with another reject"),
        (
            "".join(f'redirect "a{number}@e.org";' for number in range(5)),
            "there are more than 4 redirect actions",
        ),
        (
            "".join(f'fileinto "a{number}";' for number in range(33)),
            "there are more than 32 actions",
        ),
    ],
)
def test_what_goes_wrong_keeps_the_letter(commands: str, error: str) -> None:
    found = outcome(NEEDED + commands)
    assert found.actions == (IMPLICIT,)
    assert found.error
    assert error in found.error
