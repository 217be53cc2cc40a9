import msgspec
import pytest

from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Auth, Command, Mail, Noop, StartTls
from postroom.protocol.smtp.replies import Reply
from postroom.protocol.smtp.settings import Settings
from postroom.protocol.smtp.standing import (
    NO_HOLD,
    NO_REQUIRETLS,
    TOO_FAR,
    TOO_LATE,
    Standing,
)
from tests.fakes import START

PORT_25 = Settings(hostname="mx.test", offers_tls=True, max_message=100)
SUBMISSION = msgspec.structs.replace(PORT_25, auth="tls", requires_login=True)
LATER = msgspec.structs.replace(SUBMISSION, clock=lambda: START)
LOOPBACK = Settings(hostname="mx.test", auth="plain", requires_login=True)


def standing(settings: Settings, *, tls: bool = False, trusted: bool = False) -> Standing:
    made = Standing(settings, has_tls=tls, is_trusted=trusted)
    made.is_esmtp = True
    return made


@pytest.mark.parametrize(
    ("settings", "tls", "offered"),
    [
        (PORT_25, False, {"STARTTLS"}),
        (PORT_25, True, set()),
        (SUBMISSION, False, {"STARTTLS"}),
        (SUBMISSION, True, {"AUTH"}),
        (LOOPBACK, False, {"AUTH"}),
    ],
)
def test_what_is_offered_follows_tls(settings: Settings, tls: bool, offered: set[str]) -> None:
    client = standing(settings, tls=tls)
    words = {line.partition(" ")[0] for line in client.extensions()}
    assert words & {"STARTTLS", "AUTH", "VERB"} == offered
    assert set(client.verbs()) & {"STARTTLS", "AUTH", "VERB"} == offered


def test_the_reply_to_a_greeting() -> None:
    client = standing(LOOPBACK)
    lines = client.hello().decode().splitlines()
    assert lines[0] == "250-mx.test"
    assert [line[4:] for line in lines[1:]] == client.extensions()
    client.is_esmtp = False
    assert client.hello() == b"250 mx.test\r\n"


def test_after_a_login_auth_is_not_offered_and_verb_is() -> None:
    client = standing(LOOPBACK)
    client.is_authenticated = True
    assert not [line for line in client.extensions() if line.startswith("AUTH")]
    assert "VERB" in client.extensions()
    assert client.refusal(Auth("PLAIN")) is replies.LOGGED_IN_ALREADY
    assert client.refusal(Mail(None, auth="<>")) is None


@pytest.mark.parametrize(
    ("settings", "tls", "command", "answer"),
    [
        (PORT_25, False, Mail(None, size=100), None),
        (PORT_25, False, Mail(None, size=101), replies.MESSAGE_TOO_BIG),
        (PORT_25, False, Mail(None, auth="x"), replies.NO_AUTH_PARAMETER),
        (PORT_25, False, Auth("PLAIN"), replies.NOT_IMPLEMENTED),
        (PORT_25, True, StartTls(), replies.TLS_IS_ON),
        (PORT_25, False, StartTls(), None),
        (SUBMISSION, False, Mail(None), replies.TLS_AND_LOGIN_FIRST),
        (SUBMISSION, True, Mail(None), replies.LOGIN_FIRST),
        (SUBMISSION, False, Auth("PLAIN"), replies.TLS_FOR_LOGIN),
        (SUBMISSION, True, Auth("X"), replies.UNKNOWN_MECHANISM),
        (SUBMISSION, True, Auth("PLAIN"), None),
        (LOOPBACK, False, Mail(None), replies.LOGIN_FIRST),
        (LOOPBACK, False, StartTls(), replies.NOT_IMPLEMENTED),
        (LOOPBACK, False, Noop(), None),
    ],
)
def test_refusals(settings: Settings, tls: bool, command: Command, answer: Reply | None) -> None:
    assert standing(settings, tls=tls).refusal(command) is answer


DAY = 86_400


def test_who_has_logged_in_to_submit_may_name_a_later_time() -> None:
    """RFC 4865."""
    client = standing(LATER, tls=True)
    offer = "FUTURERELEASE 2592000 2026-10-21T14:13:00Z"
    assert offer in client.extensions()  # few clients say EHLO again after AUTH
    assert client.refusal(Mail(None, hold_for=1)) is replies.LOGIN_FIRST
    client.is_authenticated = True
    assert offer in client.extensions()
    for allowed in (
        Mail(None, hold_for=30 * DAY),
        Mail(None, hold_until=START + 30 * DAY * 1000),
        Mail(None, hold_for=0),
        Mail(None, hold_until=START - 60_000),  # clocks differ
        Mail(None),
    ):
        assert client.refusal(allowed) is None
    assert client.refusal(Mail(None, hold_until=START + 30 * DAY * 1000 + 1)) is TOO_FAR
    assert client.refusal(Mail(None, hold_for=30 * DAY + 1)) is TOO_FAR
    assert client.refusal(Mail(None, hold_for=999_999_999)) is TOO_FAR
    for over in (START - 60_001, START - 365 * DAY * 1000):
        assert client.refusal(Mail(None, hold_until=over)) is TOO_LATE


def test_nothing_of_it_is_told_where_nobody_may_log_in_yet() -> None:
    client = standing(msgspec.structs.replace(LATER, has_urls=True), tls=False)
    assert not {"FUTURERELEASE", "BURL"} & {line.split()[0] for line in client.extensions()}
    assert "BURL" not in client.verbs()


def test_nobody_else_may() -> None:
    at_25 = standing(msgspec.structs.replace(PORT_25, clock=lambda: START, auth="plain"))
    without_clock = standing(SUBMISSION, tls=True)
    for client in (at_25, without_clock):
        client.is_authenticated = True
        assert not client.may_hold
        assert client.refusal(Mail(None, hold_for=1)) is NO_HOLD
        assert client.refusal(Mail(None, hold_until=START)) is NO_HOLD


def test_requiretls_is_for_tls() -> None:
    """RFC 8689 §2."""
    for settings in (PORT_25, SUBMISSION, LOOPBACK):
        for tls in (False, True):
            client = standing(settings, tls=tls)
            client.is_authenticated = True
            assert ("REQUIRETLS" in client.extensions()) is tls
            refusal = client.refusal(Mail(None, requiretls=True))
            assert refusal is (None if tls else NO_REQUIRETLS)


def test_tls_begins_anew() -> None:
    client = standing(LOOPBACK, trusted=True)
    client.is_authenticated = True
    client.begin_again()
    assert (client.has_tls, client.is_esmtp, client.is_authenticated) == (True, False, False)
    assert client.is_trusted
    assert client.refusal(Auth("PLAIN")) is replies.HELLO_FIRST
