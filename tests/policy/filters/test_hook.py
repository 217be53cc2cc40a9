"""A program of one's own is sent everything, and believed only when it answers plainly."""

import base64
from collections.abc import AsyncIterator

import msgspec
import pytest

from postroom.policy.facts import Facts
from postroom.policy.filters import hook
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed
from tests.loop import patiently
from tests.policy.filters.fakes import Http, listening
from tests.policy.letters import facts, letter


def asked(fake: Http, known: Facts) -> Finding:
    async def run() -> Finding:
        async with listening(fake) as place:
            there = msgspec.structs.replace(place, target="/judge?x=1")
            return await hook.ask(there, known, "mx.local.test")

    return patiently(run())


def test_what_it_is_sent() -> None:
    fake = Http(b'{"action": "junk", "reason": "I know him", "score": 4}')
    sender = '"a\\"b"@client.example'
    found = asked(fake, facts(letter("hi"), sender=sender))
    assert found == Finding(action="junk", reason="I know him", score=4.0, told="I know him")
    assert fake.head.startswith(b"POST /judge?x=1 HTTP/1.1\r\n")
    sent = msgspec.json.decode(fake.body)
    assert base64.b64decode(sent.pop("message"), validate=True) == letter("hi")
    assert sent == {
        "session": "s", "address": "192.0.2.1", "name": "", "helo": "client.example", "tls": "",
        "sender": sender, "recipients": ["bob@here.example"], "size": len(letter("hi")),
        "spf": "none", "dkim": [], "dmarc": "none",
    }  # fmt: skip


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_a_message_in_pieces_is_sent_whole(extra: int) -> None:
    pieces = [b"a" * 70_000, b"b", b"", b"cd", b"x" * extra]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    head = facts(letter("hi")).head
    size = len(head) + sum(map(len, pieces))
    fake = Http(b'{"action": "pass"}')
    known = facts(letter("hi"), is_whole=False, body=body, size=size)
    assert asked(fake, known) == Finding()
    sent = msgspec.json.decode(fake.body)
    assert base64.b64decode(sent["message"], validate=True) == head + b"".join(pieces)


@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b'"refuse"', b'{"action": "drop"}', b'{"action": "refuse", "reason": 5}',
     b'{"action": "junk", "score": 1e999}', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_nonsense_is_a_failure(answer: bytes) -> None:
    with pytest.raises(Failed, match="it answered"):
        hook.read(answer)
