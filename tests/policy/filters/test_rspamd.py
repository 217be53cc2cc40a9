"""rspamd: each of its actions has a meaning here; what it never says is a failure."""

import msgspec
import pytest

from postroom.policy.facts import Authentication
from postroom.policy.filters import rspamd
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed
from tests.loop import patiently
from tests.policy.filters.fakes import Http, listening
from tests.policy.letters import facts, letter


def asked(fake: Http) -> Finding:
    known = facts(
        letter("hi"),
        recipients=("bob@here.example", "al@here.example"),
        authentication=Authentication(name="mx.client.example"),
    )

    async def run() -> Finding:
        async with listening(fake) as place:
            return await rspamd.ask(place, known, "mx.local.test")

    return patiently(run())


def test_the_envelope_goes_along() -> None:
    fake = Http(b'{"action": "no action", "score": 0.5, "symbols": {}}')
    assert asked(fake) == Finding(reason="no action, 0.5 points: nothing", score=0.5)
    assert fake.body == letter("hi")
    assert fake.head.startswith(b"POST /checkv2 HTTP/1.1\r\n")
    for field in (
        b"IP: 192.0.2.1", b"Helo: client.example", b"From: ann@client.example",
        b"Rcpt: bob@here.example", b"Rcpt: al@here.example", b"Hostname: mx.client.example",
        b"MTA-Name: mx.local.test",
    ):  # fmt: skip
        assert b"\r\n" + field + b"\r\n" in fake.head


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("no action", "pass"),
        ("greylist", "pass"),
        ("add header", "junk"),
        ("rewrite subject", "junk"),
        ("quarantine", "junk"),
        ("soft reject", "defer"),
        ("reject", "refuse"),
        ("discard", "refuse"),
    ],
)
def test_actions(word: str, action: str) -> None:
    assert rspamd.read(msgspec.json.encode({"action": word})).action == action


def test_the_symbols_that_count_are_named_and_the_sender_is_told() -> None:
    symbols = {f"S{number}": {"name": "x", "score": number / 2} for number in range(10)}
    answer = {
        "is_skipped": False, "action": "reject", "score": 22.5, "required_score": 15,
        "symbols": symbols | {"HAM": {"score": -9}}, "messages": {"smtp_message": "Go " + "x" * 999},
    }  # fmt: skip
    found = rspamd.read(msgspec.json.encode(answer))
    assert found.reason == ("reject, 22.5 points: HAM -9, S9 +4.5, S8 +4, S7 +3.5, S6 +3, S5 +2.5")
    assert found.told == "Go " + "x" * 197


def test_numbers_that_are_none_are_null() -> None:
    answer = b'{"action": "no action", "score": null, "required_score": null, "symbols": {"S": {"score": null}}}'
    assert rspamd.read(answer) == Finding(reason="no action, 0 points: nothing")


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"{}", b"[]", b'{"error": "no worker"}', b'{"action": 5}', b'{"action": "dance"}',
        b'{"action": "reject", "score": "high"}', b'{"action": "reject", "score": 1e999}',
        b'{"action": "reject", "symbols": []}', b"\xff", b'{"action": "rej',
        b'{"x": ' + b"[" * 100_000, b'{"action": "\xff"}',
    ],
)  # fmt: skip
def test_nonsense_is_a_failure(answer: bytes) -> None:
    with pytest.raises(Failed, match="it answered|it wants"):
        rspamd.read(answer)
