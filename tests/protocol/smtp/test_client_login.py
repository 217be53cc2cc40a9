import base64

import pytest

from postroom.protocol.sasl.client import Credentials, start
from postroom.protocol.smtp.client_commands import UnsafeArgument
from postroom.protocol.smtp.client_login import Login
from postroom.protocol.smtp.client_replies import ServerReply


def login(name: str, secret: str = "secret") -> Login:
    return Login(start(name, Credentials(login="alice", secret=secret), nonce="abc"))


def challenge(*lines: str) -> ServerReply:
    return ServerReply(334, "", lines)


def test_an_initial_response_goes_with_the_command() -> None:
    plain = login("PLAIN")
    assert plain.command == b"AUTH PLAIN " + base64.b64encode(b"\0alice\0secret") + b"\r\n"
    assert plain.is_complete


def test_one_that_is_too_long_waits_for_the_challenge() -> None:
    plain = login("PLAIN", "x" * 500)
    assert plain.command == b"AUTH PLAIN\r\n"
    seen = [plain.is_complete]
    assert plain.answer(challenge("")) == base64.b64encode(b"\0alice\0" + b"x" * 500) + b"\r\n"
    seen.append(plain.is_complete)
    assert seen == [False, True]
    assert plain.answer(challenge("")) == b"*\r\n"
    assert plain.reason


def test_one_that_fits_no_line_is_refused() -> None:
    with pytest.raises(UnsafeArgument):
        login("PLAIN", "x" * 20_000)


def test_a_later_one_that_fits_no_line_cancels() -> None:
    long = login("LOGIN", "x" * 20_000)
    assert long.answer(challenge("VXNlcm5hbWU6")) == b"YWxpY2U=\r\n"
    assert long.answer(challenge("UGFzc3dvcmQ6")) == b"*\r\n"
    assert "12288" in long.reason


def test_the_server_speaks_first() -> None:
    exchange = login("LOGIN")
    assert exchange.command == b"AUTH LOGIN\r\n"
    assert exchange.answer(challenge("VXNlcm5hbWU6")) == b"YWxpY2U=\r\n"
    seen = [exchange.is_complete]
    assert exchange.answer(challenge("UGFzc3dvcmQ6")) == b"c2VjcmV0\r\n"
    seen.append(exchange.is_complete)
    assert seen == [False, True]
    assert exchange.reason == ""


@pytest.mark.parametrize("lines", [("!",), ("YQ",), ("süß",), ("YQ==", "YQ=="), ("YQ== ",), ("=",)])
def test_what_is_no_base64_cancels(lines: tuple[str, ...]) -> None:
    exchange = login("LOGIN")
    assert exchange.answer(challenge(*lines)) == b"*\r\n"
    assert "base64" in exchange.reason
    assert not exchange.is_complete


def test_nothing_shows_the_password() -> None:
    assert "secret" not in repr(login("PLAIN"))
