import base64
import itertools

from hypothesis import given, strategies as st

from postroom.protocol.managesieve import commands, events
from postroom.protocol.managesieve.session import State
from tests.protocol.managesieve.driver import Driver

GREETING = (
    b'"IMPLEMENTATION" "Postroom"\r\n"SASL" "PLAIN"\r\n"SIEVE" "fileinto enotify"\r\n'
    b'"NOTIFY" "mailto"\r\n"MAXREDIRECTS" "4"\r\n"UNAUTHENTICATE"\r\n"VERSION" "1.0"\r\n'
)


def logged_in() -> Driver:
    driver = Driver()
    driver.log_in()
    return driver


def test_a_whole_session() -> None:
    driver = Driver()
    driver.session.greet()
    driver.flush()
    assert driver.said == GREETING + b'OK "Postroom ready"\r\n'
    driver.log_in()
    assert driver.feed(b'HAVESPACE "a" 5\r\n') == b"OK\r\n"
    assert driver.feed(b'PUTSCRIPT "a" {8+}\r\n# a\r\nke;\r\n') == b"OK\r\n"
    assert driver.feed(b'SETACTIVE "a"\r\n') == b"OK\r\n"
    assert driver.feed(b"LISTSCRIPTS\r\n") == b'"a" ACTIVE\r\nOK\r\n'
    assert driver.feed(b'GETSCRIPT "a"\r\n') == b"{8}\r\n# a\r\nke;\r\nOK\r\n"
    assert driver.feed(b'RENAMESCRIPT "a" "b"\r\n') == b"OK\r\n"
    assert driver.feed(b'GETSCRIPT "a"\r\n') == b'NO (NONEXISTENT) "there is none"\r\n'
    assert driver.feed(b'CHECKSCRIPT "bad"\r\n') == b"NO {12}\r\nline 1:\r\nbad\r\n"
    assert driver.feed(b'DELETESCRIPT "b"\r\n') == b"OK\r\n"
    assert driver.feed(b"LOGOUT\r\nNOOP\r\n") == b'OK "Bye"\r\n'
    assert driver.session.state is State.CLOSED
    assert driver.closed


def test_the_owner_is_named_to_whoever_logged_in() -> None:
    driver = logged_in()
    assert b'"OWNER" "alice@demo.test"\r\n' in driver.feed(b"CAPABILITY\r\n")
    assert driver.feed(b"UNAUTHENTICATE\r\n") == b'OK "Logged out"\r\n'
    assert driver.feed(b"CAPABILITY\r\n") == GREETING + b"OK\r\n"
    assert driver.feed(b"LISTSCRIPTS\r\n") == b'NO "Log in first: AUTHENTICATE"\r\n'


def test_a_login_in_every_form() -> None:
    good = base64.b64encode(b"\0alice\0secret")
    for answer in (b'"%b"', b"{20+}\r\n%b"):
        driver = Driver()
        assert driver.feed(b'AUTHENTICATE "PLAIN"\r\n') == b'""\r\n'
        assert driver.feed(answer % good + b"\r\n") == b'OK "Logged in"\r\n'
    driver = Driver()
    for star in (b'"*"', b"*", b"{1+}\r\n*"):
        driver.feed(b'AUTHENTICATE "PLAIN"\r\n')
        assert driver.feed(star + b"\r\n") == b'NO "The login was given up"\r\n'
        assert driver.session.state is State.CONNECTED
    driver.feed(b'AUTHENTICATE "PLAIN"\r\n')
    assert driver.feed(b'"???"\r\n') == b'NO "The response is not base64"\r\n'
    assert driver.feed(b'AUTHENTICATE "PLAIN" "AAAA"\r\n').startswith(b"NO ")
    assert driver.feed(b"NOOP\r\n") == b'OK "Done"\r\n'  # a command again, no response
    driver.log_in()
    assert driver.feed(b'AUTHENTICATE "PLAIN"\r\n').startswith(b"NO ")


def test_what_a_mechanism_says_last_comes_with_the_ok() -> None:
    driver = Driver()
    driver.session.receive(b'AUTHENTICATE "PLAIN" ""\r\n')
    driver.session.next_event()
    driver.session.authenticated("alice@demo.test", b"v=abc")
    assert driver.session.data_to_send() == b'OK (SASL "dj1hYmM=") "Logged in"\r\n'


def test_no_password_before_tls_and_none_that_is_weak() -> None:
    driver = Driver(mechanisms=(), tls=True)
    said = driver.feed(b"CAPABILITY\r\n")
    assert b'"SASL" ""\r\n' in said
    assert b'"STARTTLS"\r\n' in said
    assert driver.feed(b'AUTHENTICATE "PLAIN" "AA"\r\n').startswith(b"NO ")
    assert driver.feed(b'AUTHENTICATE "PLAIN"\r\n').startswith(b"NO (ENCRYPT-NEEDED) ")
    driver = Driver()
    assert driver.feed(b'AUTHENTICATE "CRAM-MD5"\r\n').startswith(b"NO (AUTH-TOO-WEAK) ")
    assert driver.feed(b'AUTHENTICATE "X"\r\n') == b'NO "This mechanism is not offered"\r\n'


def test_after_the_handshake_everything_is_said_anew() -> None:
    driver = Driver(mechanisms=(), tls=True)
    said = driver.feed(b"STARTTLS\r\n")
    assert said == b'OK "Begin TLS"\r\n' + GREETING + b'OK "TLS is on"\r\n'
    assert driver.feed(b"STARTTLS\r\n").startswith(b"NO ")
    driver.log_in()


@given(st.binary(min_size=1, max_size=60))
def test_nothing_behind_starttls_is_ever_done(behind: bytes) -> None:
    driver = Driver(tls=True)
    said = driver.feed(b"STARTTLS\r\n" + behind)
    assert said == b'BYE "Nothing may follow STARTTLS before the handshake"\r\n'
    assert driver.asked == [events.Quit()]
    assert driver.feed(b"NOOP\r\n") == b""


def test_commands_of_the_other_state_are_refused() -> None:
    driver = Driver()
    for line in (
        b"LISTSCRIPTS", b'GETSCRIPT "a"', b'PUTSCRIPT "a" {3+}\r\nxxx', b'HAVESPACE "a" 1',
        b'SETACTIVE "a"', b'DELETESCRIPT "a"', b'RENAMESCRIPT "a" "b"', b'CHECKSCRIPT ""',
        b"UNAUTHENTICATE",
    ):  # fmt: skip
        assert driver.feed(line + b"\r\n") == b'NO "Log in first: AUTHENTICATE"\r\n'
    driver = logged_in()
    for line in (b'AUTHENTICATE "PLAIN"', b"STARTTLS"):
        assert b"before the login" in driver.feed(line + b"\r\n")


def test_noop_repeats_its_tag() -> None:
    driver = Driver()
    assert driver.feed(b'NOOP "STARTTLS-SYNC-42"\r\n') == b'OK (TAG "STARTTLS-SYNC-42") "Done"\r\n'
    assert driver.feed(b"NOOP {4+}\r\na\r\nb\r\n") == b'OK (TAG {4}\r\na\r\nb) "Done"\r\n'
    assert driver.feed(b"NOOP {3000+}\r\n" + b"x" * 3000 + b"\r\n").startswith(b"NO ")


def test_a_stranger_makes_us_hold_little() -> None:
    driver = Driver()
    said = driver.feed(b'PUTSCRIPT "a" {16385+}\r\n' + b"x" * 16385 + b"\r\nNOOP\r\n")
    assert said.startswith(b"NO ")
    assert said.endswith(b'OK "Done"\r\n')


def test_too_large_a_script_is_refused_and_the_session_goes_on() -> None:
    driver = logged_in()
    for command in (b'PUTSCRIPT "a"', b"CHECKSCRIPT"):
        said = driver.feed(command + b" {5000+}\r\n" + b"x" * 5000 + b"\r\nNOOP\r\n")
        assert said == b'NO (QUOTA/MAXSIZE) "too large"\r\nOK "Done"\r\n'
    assert driver.scripts == {}


def test_where_commands_begin_is_unknown_the_session_ends() -> None:
    for octets in (b"NOOP\n", b"NOOP {3}\r\n", b"x" * 16_384):
        driver = logged_in()
        said = driver.feed(octets)
        assert said.startswith(b"BYE ")
        assert said.count(b"\r\n") == 1
        assert driver.feed(b"\r\nNOOP\r\n") == b""


def test_many_mistakes_end_the_session() -> None:
    driver = Driver()
    said = driver.feed(b"XYZZY\r\n" * 30)
    assert said.count(b"NO ") == 20
    assert said.endswith(b'BYE "Too many bad commands"\r\n')
    assert driver.slow == list(range(1, 20))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_octets_in_any_portions_give_the_same_answers(sizes: list[int]) -> None:
    octets = (
        b'AUTHENTICATE "PLAIN"\r\n"AGFsaWNlAHNlY3JldA=="\r\nPUTSCRIPT "a" {6+}\r\nk\r\n{1+\r\n'
        b'LISTSCRIPTS\r\nGETSCRIPT {1+}\r\na\r\nBAD\r\nSETACTIVE "a"\r\nLOGOUT\r\n'
    )
    whole = Driver().feed(octets)
    driver, rest = Driver(), octets
    for size in itertools.cycle(sizes):
        if not rest:
            break
        driver.feed(rest[:size])
        rest = rest[size:]
    assert driver.said == whole
    assert commands.SetActive("a") in driver.asked
