import base64
import itertools

from hypothesis import given, strategies as st

from postroom.protocol.pop3 import events
from postroom.protocol.pop3.session import MAX_MISTAKES, Session, State
from tests.protocol.pop3.driver import Driver


def logged_in() -> Driver:
    driver = Driver()
    driver.feed(b"USER alice\r\nPASS secret\r\n")
    return driver


def test_a_whole_session() -> None:
    driver = Driver()
    driver.session.greet("mail.test")
    driver.flush()
    assert driver.said == b"+OK mail.test POP3 ready\r\n"
    assert driver.feed(b"USER alice\r\n") == b"+OK send PASS\r\n"
    assert driver.feed(b"PASS secret\r\n") == b"+OK 2 messages (147 octets)\r\n"
    assert driver.feed(b"STAT\r\n") == b"+OK 2 147\r\n"
    assert driver.feed(b"LIST\r\n") == b"+OK 2 messages (147 octets)\r\n1 29\r\n2 118\r\n.\r\n"
    assert driver.feed(b"UIDL 2\r\n") == b"+OK 2 u2\r\n"
    assert driver.feed(b"RETR 1\r\n") == (
        b"+OK message follows\r\nSubject: one\r\n\r\nhello\r\n..dot\r\n.\r\n"
    )
    assert driver.feed(b"TOP 1 1\r\n") == (
        b"+OK message follows\r\nSubject: one\r\n\r\nhello\r\n.\r\n"
    )
    assert driver.feed(b"TOP 1 0\r\n") == b"+OK message follows\r\nSubject: one\r\n\r\n.\r\n"
    assert driver.feed(b"DELE 1\r\n") == b"+OK message 1 deleted\r\n"
    assert driver.feed(b"RETR 1\r\n").startswith(b"-ERR ")
    assert driver.feed(b"QUIT\r\n") == b"+OK bye\r\n"
    assert driver.removed == [0]
    assert driver.session.state is State.CLOSED


def test_nothing_is_deleted_without_quit_or_after_rset() -> None:
    driver = logged_in()
    driver.feed(b"DELE 1\r\n")
    assert driver.removed == []
    assert driver.feed(b"RSET\r\n") == b"+OK 2 messages\r\n"
    driver.feed(b"QUIT\r\n")
    assert driver.removed == []
    assert driver.closed


def test_a_failed_update_is_told() -> None:
    session = Session(mechanisms=("PLAIN",), can_start_tls=False)
    session.receive(b"USER a\r\nPASS b\r\nDELE 1\r\nQUIT\r\n")
    session.next_event()
    session.opened([1], ["x"])
    assert session.next_event() == events.Update([0])
    session.updated("1 message was not removed")
    assert session.data_to_send().endswith(b"-ERR [SYS/TEMP] 1 message was not removed\r\n")


def test_a_wrong_password_has_the_code_of_rfc_3206() -> None:
    driver = Driver()
    assert driver.feed(b"USER alice\r\nPASS wrong\r\n").endswith(
        b"-ERR [AUTH] Authentication credentials invalid\r\n"
    )
    assert driver.feed(b"PASS secret\r\n").startswith(b"-ERR ")  # USER is forgotten
    assert driver.session.state is State.AUTHORIZATION


def test_commands_of_the_other_state_are_refused() -> None:
    driver = Driver()
    for verb in (b"STAT", b"LIST", b"RETR 1", b"DELE 1", b"RSET", b"TOP 1 1", b"UIDL"):
        assert driver.feed(verb + b"\r\n").startswith(b"-ERR ")
    driver = logged_in()
    for verb in (b"USER x", b"PASS x", b"AUTH PLAIN", b"STLS"):
        assert driver.feed(verb + b"\r\n").startswith(b"-ERR ")


def test_no_password_before_tls() -> None:
    driver = Driver(mechanisms=(), tls=True)
    for line in (b"USER alice", b"AUTH PLAIN", b"PASS x"):
        assert b"STLS" in driver.feed(line + b"\r\n")
    capabilities = driver.feed(b"CAPA\r\n")
    assert b"STLS\r\n" in capabilities
    assert b"SASL" not in capabilities
    assert b"USER" not in capabilities
    assert driver.feed(b"STLS\r\n") == b"+OK begin TLS\r\n"
    capabilities = driver.feed(b"CAPA\r\n")
    assert b"STLS\r\n" not in capabilities
    assert b"SASL PLAIN\r\n" in capabilities


def test_what_follows_stls_in_clear_is_never_run() -> None:
    driver = Driver(mechanisms=(), tls=True)
    said = driver.feed(b"STLS\r\nUSER alice\r\nPASS secret\r\n")
    assert said.startswith(b"-ERR ")
    assert driver.closed
    assert driver.feed(b"STAT\r\n") == b""


def test_tls_makes_it_forget_the_name() -> None:
    driver = Driver(tls=True)
    driver.feed(b"USER alice\r\n")
    driver.feed(b"STLS\r\n")
    assert driver.feed(b"PASS secret\r\n").startswith(b"-ERR PASS comes after USER")


def test_auth_with_and_without_initial_response() -> None:
    credentials = base64.b64encode(b"\0alice\0secret")
    assert Driver().feed(b"AUTH PLAIN " + credentials + b"\r\n").startswith(b"+OK ")
    driver = Driver()
    assert driver.feed(b"AUTH PLAIN\r\n") == b"+ \r\n"
    assert driver.feed(credentials + b"\r\n").startswith(b"+OK ")
    assert driver.session.state is State.TRANSACTION


def test_auth_may_be_cancelled_and_bad_base64_ends_it() -> None:
    for line in (b"*", b"no base64!"):
        driver = Driver()
        driver.feed(b"AUTH PLAIN\r\n")
        assert driver.feed(line + b"\r\n").startswith(b"-ERR ")
        assert driver.feed(b"USER alice\r\n").startswith(b"+OK ")


def test_auth_lists_its_mechanisms() -> None:
    assert Driver().feed(b"AUTH\r\n") == b"+OK these mechanisms:\r\nPLAIN\r\n.\r\n"
    assert Driver().feed(b"AUTH GSSAPI\r\n").startswith(b"-ERR there is no such mechanism")


def test_bad_commands_slow_down_and_end() -> None:
    driver = Driver()
    driver.feed(b"XYZZY\r\n" * (MAX_MISTAKES - 1))
    assert driver.slow == list(range(1, MAX_MISTAKES))
    assert driver.feed(b"XYZZY\r\n").endswith(b"too many bad commands\r\n")
    assert driver.closed


def test_an_endless_line_is_skipped_in_constant_memory() -> None:
    driver = Driver()
    for _ in range(100):
        driver.feed(b"A" * 10_000)
        assert driver.session.unread <= 10_000
    assert driver.feed(b"\r\nCAPA\r\n").startswith(b"-ERR ")
    assert b"\r\n+OK this is" in driver.said


def test_a_long_listing_comes_in_blocks() -> None:
    session = Session(mechanisms=("PLAIN",), can_start_tls=False)
    session.receive(b"USER a\r\nPASS b\r\nLIST\r\nNOOP\r\n")
    session.next_event()
    session.opened([5] * 10_000, ["x"] * 10_000)
    assert session.next_event() is None  # the listing comes before NOOP
    blocks = []
    while block := session.data_to_send():
        blocks.append(block)
        assert len(block) < 65536
    assert b"".join(blocks).count(b" 5\r\n") == 10_000
    assert blocks[-1] == b".\r\n"
    assert session.next_event() is None
    assert session.data_to_send() == b"+OK\r\n"


SCRIPT = (
    b"CAPA\r\nUSER alice\r\nPASS wrong\r\nUSER alice\r\nPASS secret\r\nLIST\r\nUIDL\r\nTOP 1 1\r\n"
    b"DELE 2\r\nRETR 1\r\nBOGUS\r\nSTAT\r\nQUIT\r\n"
)


@given(st.lists(st.integers(0, len(SCRIPT))))
def test_cutting_changes_nothing(places: list[int]) -> None:
    whole = Driver()
    whole.feed(SCRIPT)
    cut = Driver()
    edges = sorted({0, len(SCRIPT), *places})
    for a, b in itertools.pairwise(edges):
        cut.feed(SCRIPT[a:b])
    assert cut.said == whole.said
    assert cut.removed == whole.removed == [1]


@given(
    st.lists(
        st.sampled_from(
            [
                b"USER alice\r\n",
                b"PASS secret\r\n",
                b"AUTH PLAIN\r\n",
                b"*\r\n",
                b"RETR 1\r\n",
                b"DELE 1\r\n",
                b"LIST\r\n",
                b"TOP 2 3\r\n",
                b"QUIT\r\n",
                b"\xff\0",
                b"\n",
                b"\r",
                b" ",
            ]
        )
        | st.binary(max_size=20),
        max_size=30,
    )
)
def test_any_octets_get_answers_of_the_right_form(pieces: list[bytes]) -> None:
    driver = Driver()
    for piece in pieces:
        driver.feed(piece)
    assert not driver.said or driver.said.startswith((b"+", b"-ERR "))
    assert driver.said.endswith(b"\r\n") or not driver.said
