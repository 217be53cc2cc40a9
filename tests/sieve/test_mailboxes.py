import pytest

from postroom.sieve.limits import Limits
from postroom.sieve.questions import (
    Answer,
    MailboxExists,
    MailboxIdExists,
    Metadata,
    Question,
    SpecialUseExists,
)
from tests.sieve.desk import holds, outcome

ANSWERS: dict[Question, Answer] = {
    MailboxExists("a"): True,
    MailboxExists("b"): True,
    MailboxIdExists("F1"): True,
    SpecialUseExists("\\Junk"): True,
    SpecialUseExists("\\Junk", "Spam"): True,
    SpecialUseExists("\\Sent"): True,
    Metadata("/private/comment", "a"): "Hello",
    Metadata("/private/empty", "a"): "",
    Metadata("/shared/admin"): "mailto:p@example.com",
}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('mailboxexists "a"', True),
        ('mailboxexists ["a", "b"]', True),
        ('mailboxexists ["a", "c"]', False),
        ('mailboxidexists "F1"', True),
        ('mailboxidexists ["F1", "F2"]', False),
        ('specialuse_exists "\\\\Junk"', True),
        ('specialuse_exists ["\\\\Junk", "\\\\Sent"]', True),
        ('specialuse_exists ["\\\\Junk", "\\\\Drafts"]', False),
        ('specialuse_exists "Spam" "\\\\Junk"', True),
        ('specialuse_exists "a" "\\\\Junk"', False),
        ('metadata "a" "/private/comment" "hello"', True),
        ('metadata :contains "a" "/private/comment" "x"', False),
        ('metadata "a" "/private/empty" ""', True),
        ('metadata :matches "a" "/private/none" "*"', False),
        ('metadataexists "a" ["/private/comment", "/private/empty"]', True),
        ('metadataexists "a" ["/private/comment", "/private/none"]', False),
        ('servermetadata :matches "/shared/admin" "mailto:*"', True),
        ('servermetadataexists "/shared/admin"', True),
        ('servermetadataexists ["/shared/admin", "/shared/x"]', False),
    ],
)
def test_questions(test: str, expected: bool) -> None:
    needed = "mailbox mailboxid special-use mboxmetadata servermetadata"
    assert holds(test, require=needed, answers=ANSWERS) is expected


def test_nothing_is_asked_that_is_not_needed() -> None:
    asked: list[Question] = []
    script = (
        'require "mailbox"; if allof (false, mailboxexists "a") { } if mailboxexists ["x", "y"] { }'
    )
    outcome(script, asked=asked)
    assert asked == [MailboxExists("x")]


def test_questions_are_dear() -> None:
    names = ", ".join(['"a"'] * 1000)
    script = f'require "mailbox"; if mailboxexists [{names}] {{ discard; }}'
    found = outcome(script, answers=ANSWERS, limits=Limits(max_steps=100_000))
    assert found.error
