"""EXTERNAL: one message, whom to act as."""

import pytest

from postroom.protocol.sasl.external import External
from postroom.protocol.sasl.steps import AskExternal, Challenge, Denied, Granted


@pytest.mark.parametrize("authzid", ["", "alice@demo.test", "jörg@demo.test"])
def test_one_message(authzid: str) -> None:
    server = External()
    assert server.step(None) == Challenge(b"")
    assert server.step(authzid.encode()) == AskExternal(authzid)
    assert server.answer("identity") == Granted("", None)
    assert server.answer(None) == Denied()
    assert server.step(b"") == Denied(is_malformed=True)


@pytest.mark.parametrize("message", [b"\xff", b"a\0b", b"a" * 256])
def test_what_makes_no_sense(message: bytes) -> None:
    assert External().step(message) == Denied(is_malformed=True)
