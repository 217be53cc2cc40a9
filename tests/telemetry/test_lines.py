"""One event is one line, whatever a peer wrote (threats L2)."""

import json

import pytest
from hypothesis import given, strategies

from postroom.telemetry import lines
from postroom.telemetry.session_events import (
    ConnectionClosed,
    LoginFailed,
    MessageRefused,
    RecipientRefused,
    SessionFailed,
)

NOW = 1_790_000_000_123
ANY = strategies.text(strategies.characters(), max_size=60)


def refusal(login: str) -> LoginFailed:
    return LoginFailed(session="s1", peer="192.0.2.1", door="imap", login=login, reason="unknown")


def test_a_json_line_has_the_time_the_event_and_its_fields() -> None:
    assert lines.json_line(refusal("bob"), NOW) == (
        b'{"at":"2026-09-21T14:13:20.123Z","event":"login.failed","session":"s1",'
        b'"peer":"192.0.2.1","door":"imap","login":"bob","mechanism":"","reason":"unknown"}\n'
    )


def test_a_text_line_has_words_and_leaves_out_what_is_empty() -> None:
    assert lines.text_line(refusal("bob b"), NOW) == (
        b"2026-09-21T14:13:20.123Z warning login.failed session=s1 peer=192.0.2.1 door=imap"
        b' login="bob b" reason=unknown\n'
    )


@given(ANY)
def test_a_line_is_printable_and_says_what_was_meant(text: str) -> None:
    line = lines.json_line(refusal(text), NOW)
    assert line.endswith(b"\n")
    assert line[:-1].decode().isprintable()
    assert json.loads(line)["login"] == text


@given(ANY)
def test_a_text_line_is_printable_too(text: str) -> None:
    line = lines.text_line(refusal(text), NOW).decode()
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert line.count(" peer=") >= 1
    assert line.index(" peer=192.0.2.1") < line.index(" reason=")


@pytest.mark.parametrize(
    "hostile",
    [
        "x\r\nNov  1 00:00:00 mail postroom: login.failed peer=203.0.113.9",
        "\x1b[2J\x1b]0;owned\x07",
        "\u202egpj.exe",
        "\x85\u2028\u2029",
        "\ud800",
        "a\x00b\x7f",
        'q" peer="203.0.113.9',
    ],
)
def test_nobody_forges_a_line_or_a_terminal(hostile: str) -> None:
    for line in (lines.json_line(refusal(hostile), NOW), lines.text_line(refusal(hostile), NOW)):
        assert line[:-1].decode().isprintable()
        assert len(line.decode().splitlines()) == 1
        assert line.index(b"192.0.2.1") < line.index(b"login", line.index(b"door"))
    assert b' peer="203' not in lines.text_line(refusal(hostile), NOW)


def test_a_value_is_cut_at_one_kib() -> None:
    line = json.loads(lines.json_line(refusal("x" * 10_000_000), NOW))
    assert line["login"] == "x" * 1_024 + "…"
    assert len(lines.text_line(refusal("x" * 10_000_000), NOW)) < 1_200


def test_many_recipients_are_cut_to_twenty() -> None:
    event = MessageRefused(
        peer="192.0.2.1",
        status="5.7.1",
        sender="a@b.test",
        recipients=tuple(f"{number:0>60}@b.test" for number in range(1_000)),
        reason="no",
    )
    line = json.loads(lines.json_line(event, NOW))
    assert len(line["recipients"]) == 21
    assert line["recipients"][20] == "and 980 more"


def test_a_long_traceback_keeps_its_end() -> None:
    event = SessionFailed(traceback="first\n" + "x\n" * 10_000 + "ValueError: the cause\n")
    line = json.loads(lines.json_line(event, NOW))
    assert line["traceback"].endswith("ValueError: the cause\n")
    assert len(line["traceback"]) == 8_193


def test_a_traceback_is_indented_for_people_and_escaped() -> None:
    event = SessionFailed(peer="192.0.2.1", traceback='File "x"\nValueError: a\x1b[2J\r\nforged')
    text = lines.text_line(event, NOW).decode()
    first, *rest = text.rstrip("\n").split("\n")
    assert first.endswith("session.failed peer=192.0.2.1")
    assert rest == ['    File "x"', "    ValueError: a\\u001b[2J", "    forged"]


def test_numbers_stay_numbers() -> None:
    event = ConnectionClosed(peer="é", seconds=0.25)
    assert json.loads(lines.json_line(event, NOW))["seconds"] == 0.25
    assert b" seconds=0.250\n" in lines.text_line(event, NOW)


@given(ANY)
def test_what_is_looked_for_is_found_in_the_line(text: str) -> None:
    event = RecipientRefused(status="5.1.1", recipient=f"<{text}>", reason="é")
    assert lines.escaped(text) in lines.json_line(event, NOW)
    event = RecipientRefused(status="5.1.1", recipient=f"<{text}>", reason="e")
    assert lines.escaped(text) in lines.json_line(event, NOW)


@given(strategies.integers(min_value=0, max_value=4_102_444_800_000))
def test_the_stamp_is_the_time(now_ms: int) -> None:
    import datetime as dt

    moment = dt.datetime.fromisoformat(lines.stamp(now_ms).decode())
    assert round(moment.timestamp() * 1_000) == now_ms
