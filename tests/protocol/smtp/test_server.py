"""What transcripts can't show: cuts, smuggling, limits in numbers, misuse by a driver."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from postroom.intake.peer import Peer
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.events import EndOfContent
from postroom.protocol.smtp.replies import reply
from postroom.protocol.smtp.server import Session
from postroom.protocol.smtp.settings import Settings
from tests.listen.smtp.driver import Driver

SETTINGS = Settings(hostname="mx.test", max_message=100_000, auth="plain", offers_tls=True)
ENVELOPE = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@local.test>\r\n"
EVIL = b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<bob@local.test>\r\nDATA\r\nsmuggled\r\n.\r\n"

# SEC Consult 2023, CVE-2023-51764 and its relatives: ends that other servers have believed.
FALSE_ENDS = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\r\n.\r\n\n"[:6] + b"\r\r\n",
    b"\n.\r\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
    b"\x0b\n.\x0b\n",
    "\u0085.\u0085\u2028.\u2028".encode(),
]


def greeted(settings: Settings = SETTINGS) -> Driver:
    driver = Driver(settings)
    driver.feed(b"EHLO c.test\r\n")
    return driver


def codes(said: bytes) -> list[int]:
    """The codes of the last lines of replies."""
    return [int(line[:3]) for line in said.split(b"\r\n")[:-1] if line[3:4] == b" "]


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place for place in places if place <= len(octets)), len(octets)]
    return [octets[a:b] for a, b in itertools.pairwise(bounds)]


def test_there_are_17_false_ends() -> None:
    assert len(set(FALSE_ENDS)) == 17


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_no_false_end_smuggles_through_data(false_end: bytes) -> None:
    wire = b"Subject: x\r\n\r\nhi" + false_end + EVIL + b"\r\n.\r\n"
    stop = wire.index(b"\r\n.\r\n") + 5  # what follows the true end is the client's own
    for place in range(stop + 1):
        driver = greeted()
        driver.feed(ENVELOPE + b"DATA\r\n")
        said = driver.feed(*cut(wire[:stop], [place]))
        assert len(codes(said)) == 1
        for message in driver.desk.messages:
            assert message.sender == "a@b.test"
        flawed = b"\n" in wire[:stop].replace(b"\r\n", b"") or b"\0" in wire[:stop]
        flawed = flawed or b"\r" in wire[:stop].replace(b"\r\n", b"")
        assert codes(said) == ([550] if flawed else [250])


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_no_false_end_smuggles_through_bdat(false_end: bytes) -> None:
    content = b"Subject: x\r\n\r\nhi" + false_end + EVIL
    wire = b"BDAT %d LAST\r\n" % len(content) + content + b"NOOP\r\n"
    for place in range(len(wire) + 1):
        driver = greeted()
        driver.feed(ENVELOPE)
        said = driver.feed(*cut(wire, [place]))
        assert len(codes(said)) == 2
        assert codes(said)[1] == 250
        assert all(message.sender == "a@b.test" for message in driver.desk.messages)
        assert len(driver.desk.messages) == (codes(said)[0] == 250)


GROUPS = [
    ENVELOPE + b"DATA\r\n",
    b"Subject: x\r\n\r\n..dots\r\n.\r\nNOOP\r\nMAIL FROM:<c@d.test> SIZE=10\r\nVRFY x\r\n",
    b"RCPT TO:<nobody@local.test>\r\nRCPT TO:<bob@local.test>\r\nBDAT 7\r\nhel\r\nlo"
    b"BDAT 2 LAST\r\n\r\nRSET\r\nFOO\r\n" + b"N" * 3000 + b"\r\nHELP\r\n",
    (
        b"BDAT 6\r\nQUIT\r\nAUTH LOGIN\r\nYWxpY2U=\r\n*\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\n"
        b"BDAT 1\r\nxNOOP\r\nDATA\r\n"
    ),
    b"BDAT 0 LAST\r\nQUIT\r\n",
]


def whole_session(pieces_of: list[list[bytes]]) -> tuple[bytes, list[object]]:
    driver = greeted()
    said = b"".join(driver.feed(*pieces) for pieces in pieces_of)
    assert driver.session.is_closed
    return said, list(driver.desk.messages)


@given(st.lists(st.lists(st.integers(0, 300), max_size=4), min_size=5, max_size=5))
@settings(max_examples=60)
def test_cutting_a_session_changes_nothing(places: list[list[int]]) -> None:
    cuts = [cut(group, where) for group, where in zip(GROUPS, places, strict=True)]
    assert whole_session(cuts) == whole_session([[group] for group in GROUPS])


def test_octet_by_octet() -> None:
    octets = [[bytes([octet]) for octet in group] for group in GROUPS]
    said, messages = whole_session(octets)
    assert (said, messages) == whole_session([[group] for group in GROUPS])
    assert len(messages) == 3
    assert codes(said)[-1] == 221


LINES = [b"EHLO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<bob@local.test>\r\n", b"DATA\r\n"]
LINES += [
    b"BDAT 3\r\n",
    b"abc",
    b".\r\n",
    b"AUTH PLAIN\r\n",
    b"*\r\n",
    b"\0",
    b"\r",
    b"\n",
    b"RSET\r\n",
]
LINES += [
    b"\xff",
    b"QUIT\r\n",
    b"x" * 2100,
    b"STARTTLS\r\n",
    b"BDAT 2 LAST\r\n",
    b"VERB\r\n",
    b"LHLO x\r\n",
]


@given(
    st.lists(st.one_of(st.sampled_from(LINES), st.binary(max_size=30)), max_size=25), st.booleans()
)
def test_any_octets_are_answered_and_never_a_fault(pieces: list[bytes], is_lmtp: bool) -> None:
    made = Settings(hostname="mx.test", dialect="LMTP" if is_lmtp else "SMTP", auth="plain")
    driver = Driver(made, Peer("1", "192.0.2.1", 1, "lmtp" if is_lmtp else "smtp", trusted=True))
    for piece in pieces:
        said = driver.feed(piece)
        assert all(line[:3].isdigit() for line in said.split(b"\r\n")[:-1])
        assert not said or said.endswith(b"\r\n")


def test_the_error_budget_in_numbers() -> None:
    """Threat D3: 10 are free, the next 9 cost a pause, the 20th ends it."""
    driver = greeted()
    driver.feed(b"MAIL FROM:<a@b.test>\r\n")
    said = driver.feed(b"RCPT TO:<no@local.test>\r\n" * 25)
    assert codes(said) == [550] * 19 + [421]
    assert driver.pauses == 9


def test_a_thousand_recipients() -> None:
    driver = greeted()
    driver.feed(b"MAIL FROM:<a@b.test>\r\n")
    said = driver.feed(b"RCPT TO:<bob@local.test>\r\n" * 5000)
    assert codes(said) == [250] * 1000 + [452] * 4000


def test_junk_ends_the_session() -> None:
    """Threat S8: RSET storms."""
    driver = greeted()
    assert codes(driver.feed(b"RSET\r\nNOOP\r\n" * 200))[-1] == 421


def test_a_long_line_takes_constant_memory() -> None:
    driver = greeted()
    said = driver.feed(b"NOOP ", *([b"A" * 65_536] * 160))
    assert codes(said) == [500]
    assert codes(driver.feed(b"\r\nNOOP\r\n")) == [250]


def test_a_421_of_the_driver_ends_the_session() -> None:
    for event in (b"MAIL FROM:<a@b.test>\r\n", b"EHLO x.test\r\n", b"RSET\r\n"):
        session = Session(SETTINGS)
        session.receive(b"EHLO c.test\r\n")
        session.next_event()
        session.welcome()
        session.receive(event)
        assert session.next_event() is not None
        session.answer(replies.STOPPING)
        assert session.is_closed
        assert session.farewell is replies.STOPPING


def test_a_421_at_the_end_of_a_message() -> None:
    session = Session(SETTINGS)
    session.receive(b"EHLO c.test\r\n")
    session.next_event()
    session.welcome()
    for line in ENVELOPE.splitlines(keepends=True):
        session.receive(line)
        assert isinstance(session.next_event(), Mail | Rcpt)
        session.answer(replies.OK)
    session.receive(b"DATA\r\n")
    session.next_event()
    session.answer(replies.START_CONTENT)
    session.receive(b".\r\n")
    assert session.next_event() == EndOfContent()
    assert session.replies_due == 1
    session.answer_each([replies.STOPPING])
    assert session.is_closed
    assert session.farewell is replies.STOPPING


def test_a_421_for_a_login() -> None:
    driver = greeted()
    driver.session.receive(b"AUTH PLAIN\r\n")
    assert driver.session.next_event() is not None
    driver.session.login_refused(reply(421, "4.7.0", "Go"))
    assert driver.session.is_closed


def test_an_answer_needs_a_question() -> None:
    session = Session(SETTINGS)
    with pytest.raises(RuntimeError):
        session.answer(replies.OK)
    with pytest.raises(RuntimeError):
        session.answer_each([replies.OK])
    with pytest.raises(RuntimeError):
        session.welcome()
    with pytest.raises(RuntimeError):
        session.challenge(b"")
    with pytest.raises(RuntimeError):
        session.login_granted()
    with pytest.raises(RuntimeError):
        session.login_refused()


def test_a_question_stops_the_next_event() -> None:
    session = Session(SETTINGS)
    session.receive(b"EHLO c.test\r\n")
    assert session.next_event() is not None
    assert session.next_event() is None


def test_what_comes_while_the_greeting_is_decided_is_too_early() -> None:
    """Threat S5: after EHLO, before its reply."""
    session = Session(SETTINGS)
    session.receive(b"EHLO c.test\r\n")
    session.next_event()
    session.receive(b"MAIL")
    session.welcome()
    assert session.farewell is replies.EARLY_TALK


def test_what_comes_while_starttls_is_decided_is_too_early() -> None:
    session = Session(SETTINGS)
    session.receive(b"EHLO c.test\r\n")
    session.next_event()
    session.welcome()
    session.receive(b"STARTTLS\r\n")
    session.next_event()
    session.receive(b"N")
    session.answer(replies.READY_FOR_TLS)
    assert session.farewell is replies.TALK_BEFORE_TLS


def test_the_number_of_replies_is_that_of_the_recipients() -> None:
    driver = greeted()
    driver.feed(ENVELOPE + b"DATA\r\n")
    driver.session.receive(b".\r\n")
    assert driver.session.next_event() == EndOfContent()
    with pytest.raises(ValueError, match="1 replies are due, not 2"):
        driver.session.answer_each([replies.OK] * 2)


def test_a_closed_session_hears_nothing() -> None:
    driver = greeted()
    driver.feed(b"QUIT\r\n")
    assert driver.feed(b"NOOP\r\n") == b""
    driver.session.hang_up(replies.STOPPING)
    driver.session.resume()
    assert driver.session.data_to_send() == b""
    assert driver.session.farewell is replies.BYE


def test_scram_over_the_wire() -> None:
    """The whole exchange with the password of alice, RFC 4954 §4 and RFC 5802 §3."""
    import base64
    import hashlib
    import hmac

    from tests.listen.smtp.desk import PASSWORD

    driver = greeted()
    bare = b"n=alice@local.test,r=client"
    said = driver.feed(b"AUTH SCRAM-SHA-256 " + base64.b64encode(b"n,," + bare) + b"\r\n")
    first = base64.b64decode(said.removeprefix(b"334 "))
    fields = dict(field.split(b"=", 1) for field in first.split(b","))
    salt, rounds = base64.b64decode(fields[b"s"]), int(fields[b"i"])
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, rounds)
    key = hmac.digest(salted, b"Client Key", "sha256")
    without = b"c=biws,r=" + fields[b"r"]
    message = bare + b"," + first + b"," + without
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    final = without + b",p=" + base64.b64encode(proof)
    said = driver.feed(base64.b64encode(final) + b"\r\n")
    assert base64.b64decode(said.removeprefix(b"334 ")).startswith(b"v=")
    assert driver.feed(b"\r\n") == replies.LOGGED_IN.encode()
    assert driver.talk.identity is not None
    assert driver.talk.identity.credential_id == 7


def test_a_wrong_scram_proof_is_a_failed_login() -> None:
    import base64

    driver = greeted()
    said = b""
    for _ in range(5):
        first = base64.b64encode(b"n,,n=nobody,r=client")
        said = driver.feed(b"AUTH SCRAM-SHA-256 " + first + b"\r\n")
        nonce = base64.b64decode(said.removeprefix(b"334 ")).split(b",")[0]
        final = b"c=biws," + nonce + b",p=" + base64.b64encode(bytes(32))
        said = driver.feed(base64.b64encode(final) + b"\r\n")
        assert codes(said)[0] == 535
    assert codes(said) == [535, 421]
