import pytest

from postroom.protocol.smtp.client_commands import UnsafeArgument
from postroom.protocol.smtp.client_envelope import (
    NO_REQUIRETLS,
    NO_SMTPUTF8,
    TOO_BIG,
    envelope,
    refusal,
)
from postroom.protocol.smtp.client_states import Wait
from postroom.protocol.smtp.client_transaction import Recipient, Transaction
from postroom.protocol.smtp.extensions import Extensions

BOTH = (Recipient(b"bob@mx.test"), Recipient("jörg@mx.test".encode()))
LETTER = Transaction(sender=b"a@c.test", recipients=BOTH, size=10, needs_smtputf8=True)


@pytest.mark.parametrize(
    ("limit", "is_refused"), [(None, False), (0, False), (10, False), (9, True)]
)
def test_size(limit: int | None, is_refused: bool) -> None:
    extensions = Extensions(size=limit, smtputf8=True)
    assert refusal(LETTER, extensions) == (TOO_BIG if is_refused else None)


def test_what_is_needed_and_not_offered() -> None:
    assert refusal(LETTER, Extensions()) == NO_SMTPUTF8
    private = Transaction(sender=b"", recipients=BOTH, requiretls=True)
    assert refusal(private, Extensions()) == NO_REQUIRETLS
    assert refusal(private, Extensions(requiretls=True)) is None


def test_refusals_are_ours_and_permanent() -> None:
    refusals = (TOO_BIG, NO_SMTPUTF8, NO_REQUIRETLS)
    assert all(one.is_local and one.is_permanent and one.status for one in refusals)
    assert [one.status for one in refusals] == ["5.3.4", "5.6.7", "5.7.30"]


def test_the_commands() -> None:
    assert envelope(LETTER, Extensions(smtputf8=True)) == [
        (b"MAIL FROM:<a@c.test> SMTPUTF8\r\n", Wait.MAIL),
        (b"RCPT TO:<bob@mx.test>\r\n", Wait.RCPT),
        ("RCPT TO:<jörg@mx.test>\r\n".encode(), Wait.RCPT),
    ]


def test_without_recipients_there_is_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        envelope(Transaction(sender=b"", recipients=()), Extensions())


def test_the_need_for_utf8_must_be_told() -> None:
    with pytest.raises(UnsafeArgument, match="SMTPUTF8"):
        envelope(Transaction(sender=b"", recipients=BOTH), Extensions(smtputf8=True))
