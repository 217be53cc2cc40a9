from postroom.protocol.smtp.client_progress import Progress
from postroom.protocol.smtp.client_replies import ServerReply
from postroom.protocol.smtp.client_transaction import Recipient, Transaction

TWO = Transaction(sender=b"", recipients=(Recipient(b"a@b"), Recipient(b"c@d")))
OK = ServerReply(250, "", ("OK",))
NO = ServerReply(550, "", ("No",))


def test_a_refused_sender_is_hopeless_at_once() -> None:
    progress = Progress(TWO)
    seen = [progress.is_hopeless]
    progress.sender_reply = NO
    seen.append(progress.is_hopeless)
    assert seen == [False, True]
    assert not progress.is_sender_accepted
    progress.add_recipient(OK)
    assert not progress.is_wanted


def test_refused_recipients_are_hopeless_when_it_was_the_last() -> None:
    progress = Progress(TWO)
    progress.sender_reply = OK
    seen = []
    for _ in TWO.recipients:
        progress.add_recipient(NO)
        seen.append(progress.is_hopeless)
    assert seen == [False, True]
    assert progress.done().outcomes() == (NO, NO)


def test_one_recipient_is_enough() -> None:
    progress = Progress(TWO, is_lmtp=True)
    progress.sender_reply = OK
    progress.add_recipient(OK)
    assert progress.is_wanted
    assert progress.replies_due == 1
    progress.add_recipient(OK)
    assert progress.replies_due == 2
    assert not progress.is_hopeless
    assert Progress(TWO).replies_due == 1


def test_our_own_refusal_decides_all() -> None:
    progress = Progress(TWO)
    progress.refuse(NO)
    assert progress.is_sent
    assert progress.is_decided
    done = progress.done(is_attempted=False)
    assert done.outcomes() == (NO, NO)
    assert not done.is_attempted
