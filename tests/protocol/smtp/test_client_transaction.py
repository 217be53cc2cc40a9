import pytest

from postroom.protocol.smtp.client_replies import ServerReply
from postroom.protocol.smtp.client_transaction import (
    UNANSWERED,
    Recipient,
    Transaction,
    TransactionDone,
)

THREE = Transaction(
    sender=b"", recipients=(Recipient(b"a@b"), Recipient(b"c@d"), Recipient(b"e@f"))
)
OK = ServerReply(250, "", ("OK",))
NO = ServerReply(550, "", ("No",))
LATER = ServerReply(451, "", ("Later",))
FINAL = ServerReply(250, "2.0.0", ("Queued",))
FULL = ServerReply(452, "4.2.2", ("Full",))
LAST = ServerReply(421, "", ("Bye",))

Replies = tuple[ServerReply, ...]


@pytest.mark.parametrize(
    ("sender", "recipients", "final", "ending", "outcomes"),
    [
        (OK, (OK, OK, OK), (FINAL,), UNANSWERED, (FINAL, FINAL, FINAL)),
        (OK, (OK, NO, LATER), (FINAL,), UNANSWERED, (FINAL, NO, LATER)),
        (OK, (OK, NO, OK), (FULL,), UNANSWERED, (FULL, NO, FULL)),
        (OK, (NO, NO, LATER), (), UNANSWERED, (NO, NO, LATER)),
        (NO, (), (), UNANSWERED, (NO, NO, NO)),
        (NO, (LATER, OK, LATER), (), UNANSWERED, (NO, NO, NO)),  # 503s mean nothing
        (OK, (OK, NO, OK), (), LATER, (LATER, NO, LATER)),  # DATA was refused
        (OK, (NO, OK), (), LAST, (NO, LAST, LAST)),
        (OK, (), (), LAST, (LAST, LAST, LAST)),
        (None, (), (), LAST, (LAST, LAST, LAST)),
        (None, (), (), UNANSWERED, (UNANSWERED, UNANSWERED, UNANSWERED)),
    ],
)
def test_the_reply_that_decides_each_recipient(
    sender: ServerReply | None,
    recipients: Replies,
    final: Replies,
    ending: ServerReply,
    outcomes: Replies,
) -> None:
    done = TransactionDone(
        transaction=THREE,
        sender_reply=sender,
        recipient_replies=recipients,
        final=final,
        ending=ending,
    )
    assert done.outcomes() == outcomes


@pytest.mark.parametrize(
    ("recipients", "final", "outcomes"),
    [
        ((OK, OK, OK), (FINAL, FULL, NO), (FINAL, FULL, NO)),
        ((OK, NO, OK), (FINAL, FULL), (FINAL, NO, FULL)),
        ((NO, OK, OK), (FINAL,), (NO, FINAL, LAST)),
        ((OK, OK, OK), (), (LAST, LAST, LAST)),
        ((OK,), (), (LAST, LAST, LAST)),
    ],
)
def test_over_lmtp_each_has_its_own(recipients: Replies, final: Replies, outcomes: Replies) -> None:
    done = TransactionDone(
        transaction=THREE,
        sender_reply=OK,
        recipient_replies=recipients,
        final=final,
        ending=LAST,
        is_lmtp=True,
    )
    assert done.outcomes() == outcomes


def test_what_nobody_answered_may_be_tried_again() -> None:
    assert UNANSWERED.is_temporary
    assert UNANSWERED.is_local
