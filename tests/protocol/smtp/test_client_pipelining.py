"""Groups of commands: refusals within, the next transaction behind, RSET between."""

import msgspec
import pytest

from postroom.protocol.smtp.client_events import Closing, StartContent
from postroom.protocol.smtp.client_transaction import TransactionDone
from tests.protocol.smtp.client_driver import ALL, BODY, STUFFED, Wire, codes, greeted, letter

BEGIN = b"MAIL FROM:<a@c.test>\r\nRCPT TO:<bob@mx.test>\r\n"
GROUP = BEGIN + b"DATA\r\n"
CHUNK = BEGIN + b"BDAT %d LAST\r\n%b" % (len(BODY), BODY)


def pipelined(*, is_cut: bool = False) -> Wire:
    return greeted(Wire(is_cut=is_cut), *ALL)


def lockstep() -> Wire:
    return greeted(Wire(), "CHUNKING")


def to_content(wire: Wire) -> None:
    wire.session.send(letter())
    wire.says()
    events = wire.hears("250 OK", "250 OK", "354 Go on")
    assert isinstance(events[-1], StartContent)
    wire.session.content(BODY)
    wire.session.end_content()


def test_the_next_message_leaves_with_the_end_of_the_one_before() -> None:
    wire = pipelined()
    to_content(wire)
    for number in range(5):
        assert wire.session.can_send
        wire.session.send(letter())
        assert wire.says() == STUFFED + GROUP
        done, start = wire.hears(f"250 2.0.0 {number}", "250 OK", "250 OK", "354 Go on")
        assert isinstance(done, TransactionDone)
        assert done.outcomes()[0].text == str(number)
        assert isinstance(start, StartContent)
        wire.session.content(BODY)
        wire.session.end_content()
    assert wire.says() == STUFFED
    assert codes(wire.done("250 OK")) == [250]


@pytest.mark.parametrize("final", ["250 OK", "452 4.2.2 Full", "554 5.6.0 No"])
def test_after_the_dot_nothing_is_open_whatever_the_answer(final: str) -> None:
    wire = pipelined()
    to_content(wire)
    wire.done(final)
    wire.says()
    wire.session.send(letter())
    assert wire.says() == GROUP


def test_two_are_enough() -> None:
    wire = pipelined()
    to_content(wire)
    wire.session.send(letter(), BODY)
    assert not wire.session.can_send
    with pytest.raises(RuntimeError):
        wire.session.send(letter())
    wire.done("250 OK")
    assert wire.session.can_send


def test_quit_may_follow_at_once() -> None:
    wire = pipelined()
    to_content(wire)
    wire.session.quit()
    assert wire.says() == STUFFED + b"QUIT\r\n"
    assert not wire.session.can_send
    done, closing = wire.hears("250 2.0.0 Queued", "221 Bye")
    assert isinstance(done, TransactionDone)
    assert codes(done) == [250]
    assert isinstance(closing, Closing)
    assert wire.session.is_closed


def test_quit_waits_without_pipelining() -> None:
    wire = lockstep()
    wire.session.send(letter())
    for _ in range(2):
        wire.hears("250 OK")
    wire.hears("354 Go on")
    wire.session.end_content()
    with pytest.raises(RuntimeError):
        wire.session.quit()
    wire.done("250 OK")
    wire.session.quit()


def test_a_chunk_is_followed_by_rset_while_it_may_be_refused() -> None:
    wire = pipelined()
    wire.session.send(letter(), BODY)
    wire.session.send(letter(b"carol@mx.test"), BODY)
    carol = CHUNK.replace(b"bob", b"carol")
    assert wire.says() == CHUNK + b"RSET\r\n" + carol
    one, two = wire.hears(
        *("250 OK", "550 5.1.1 No", "503 5.5.1 No recipients"),
        *("250 Forgotten", "250 OK", "250 OK", "250 2.0.0 Queued"),
    )
    assert isinstance(one, TransactionDone)
    assert isinstance(two, TransactionDone)
    assert codes(one) == [550]
    assert one.final == ()
    assert codes(two) == [250]
    wire.session.send(letter(), BODY)  # all is known to be well
    assert wire.says() == CHUNK


def test_an_answered_chunk_needs_rset_only_when_it_was_refused() -> None:
    wire = pipelined()
    wire.session.send(letter(), BODY)
    wire.says()
    assert codes(wire.done("250 OK", "250 OK", "452 4.3.1 Full")) == [452]
    wire.session.send(letter(), BODY)
    assert wire.says() == b"RSET\r\n" + CHUNK
    wire.done("250 OK", "250 OK", "250 OK", "250 OK")
    wire.session.send(letter(), BODY)
    assert wire.says() == CHUNK


def test_a_refused_sender() -> None:
    wire = pipelined()
    wire.session.send(letter(b"a@x", b"b@x"))
    done = wire.done("550 5.7.1 Not you", "503 First MAIL", "503 First MAIL", "503 First MAIL")
    assert codes(done) == [550, 550]
    assert done.final == ()
    wire.says()
    wire.session.send(letter())
    assert wire.says() == GROUP  # nothing is open


def test_a_refused_sender_line_by_line() -> None:
    wire = lockstep()
    wire.session.send(letter(b"a@x", b"b@x"))
    wire.says()
    done = wire.done("550 5.7.1 Not you")
    assert codes(done) == [550, 550]
    assert done.recipient_replies == ()
    assert wire.says() == b""
    wire.session.send(letter())
    assert wire.says() == b"MAIL FROM:<a@c.test>\r\n"


def test_refused_recipients() -> None:
    wire = pipelined()
    wire.session.send(letter(b"a@x", b"b@x"))
    wire.says()
    done = wire.done("250 OK", "550 5.1.1 No", "450 4.2.0 Later", "503 5.5.1 No recipients")
    assert codes(done) == [550, 450]
    assert wire.says() == b""
    wire.session.send(letter())
    assert wire.says() == b"RSET\r\n" + GROUP


def test_refused_recipients_line_by_line() -> None:
    wire = lockstep()
    wire.session.send(letter(b"a@x", b"b@x"))
    wire.hears("250 OK")
    wire.hears("550 No")
    wire.says()
    assert codes(wire.done("450 Later")) == [550, 450]
    assert wire.says() == b""
    wire.session.send(letter())
    assert wire.says() == b"RSET\r\n"
    assert wire.hears("250 OK") == []
    assert wire.says() == b"MAIL FROM:<a@c.test>\r\n"


@pytest.mark.parametrize("answer", ["250 Taken for nobody", "554 5.5.1 No recipients", "451 Hm"])
def test_354_without_recipients_gets_one_dot(answer: str) -> None:
    wire = pipelined()
    wire.session.send(letter(b"a@x", b"b@x"), BODY, allow_chunking=False)
    wire.says()
    assert wire.hears("250 OK", "550 5.1.1 No", "450 4.2.0 Later", "354 Go on") == []
    assert wire.says() == b".\r\n"
    done = wire.done(answer)
    assert codes(done) == [550, 450]
    assert done.final == ()
    wire.session.send(letter())
    assert wire.says() == GROUP


def test_354_after_a_refused_sender_gets_one_dot() -> None:
    wire = pipelined()
    wire.session.send(letter())
    wire.says()
    assert wire.hears("550 5.7.1 Not you", "250 OK", "354 Go on") == []
    assert wire.says() == b".\r\n"
    assert codes(wire.done("250 OK")) == [550]


def test_a_chunk_that_is_taken_for_nobody_counts_for_nobody() -> None:
    wire = pipelined()
    wire.session.send(letter(), BODY)
    done = wire.done("250 OK", "550 5.1.1 No", "250 Taken")
    assert codes(done) == [550]
    assert done.final == ()


def test_data_refused() -> None:
    wire = pipelined()
    wire.session.send(letter(b"a@x", b"b@x"))
    wire.says()
    done = wire.done("250 OK", "250 OK", "550 5.1.1 No", "451 4.3.0 Not now")
    assert codes(done) == [451, 550]
    assert done.final == ()
    assert done.ending.code == 451
    wire.session.send(letter())
    assert wire.says() == b"RSET\r\n" + GROUP


def test_our_own_refusal_keeps_its_place() -> None:
    wire = pipelined()
    to_content(wire)
    wire.session.send(letter(size=100_001))
    assert wire.events() == []
    assert not wire.session.can_send
    one, two = wire.hears("250 2.0.0 Queued")
    assert isinstance(one, TransactionDone)
    assert isinstance(two, TransactionDone)
    assert [codes(one), codes(two)] == [[250], [552]]
    wire.says()
    wire.session.send(letter())
    assert wire.says() == GROUP


def test_our_own_refusal_does_not_hide_what_is_open() -> None:
    wire = pipelined()
    wire.session.send(letter(), BODY)
    wire.session.send(letter(size=100_001), BODY)
    assert wire.says() == CHUNK
    wire.hears("250 OK", "250 OK", "554 No")
    wire.session.send(letter(), BODY)
    assert wire.says() == b"RSET\r\n" + CHUNK


def test_the_transaction_comes_back_with_its_end() -> None:
    wire = pipelined(is_cut=True)
    one = letter(b"one@x")
    two = msgspec.structs.replace(letter(b"two@x"), envid="2")
    wire.session.send(one, BODY)
    wire.session.send(two, BODY)
    events = wire.hears(*("250 OK",) * 7)
    assert [event.transaction for event in events if isinstance(event, TransactionDone)] == [
        one,
        two,
    ]


def test_a_chunk_without_a_last_line_end_gets_one() -> None:
    wire = pipelined()
    wire.session.send(letter(), b"a\r\nb")
    assert wire.says() == BEGIN + b"BDAT 6 LAST\r\na\r\nb\r\n"


def test_an_empty_message() -> None:
    wire = pipelined()
    wire.session.send(letter(), b"")
    assert wire.says() == BEGIN + b"BDAT 0 LAST\r\n"


def test_a_third_chunk_knows_that_the_second_is_open() -> None:
    wire = pipelined()
    wire.session.send(letter(), BODY)
    wire.session.send(letter(), BODY)
    wire.says()
    wire.done("250 OK", "250 OK", "250 OK")
    wire.session.send(letter(), BODY)
    assert wire.says() == b"RSET\r\n" + CHUNK
