"""The base subject, RFC 5256 §2.1."""

import re
import time

import pytest
from hypothesis import given, strategies as st

from postroom.message.subject import BaseSubject, base_subject


@pytest.mark.parametrize(
    ("subject", "base", "is_reply"),
    [
        (b"", "", False),
        (b"hello", "hello", False),
        (b"  hello \t world ", "hello world", False),
        (b"Re: hello", "hello", True),
        (b"re:hello", "hello", True),
        (b"RE : FWD: fw: hello", "hello", True),
        (b"Re[2]: hello", "hello", True),
        (b"Re [2] : hello", "hello", True),
        (b"[list] Re: hello", "hello", True),
        (b"[list] hello", "hello", False),
        (b"Re: [list] [other] hello", "hello", True),
        (b"[list]", "[list]", False),
        (b"[a] [b] ", "[b]", False),
        (b"Re: [a]", "[a]", True),
        (b"[a]Re: [b]", "[b]", True),
        (b"hello (fwd)", "hello", True),
        (b"hello (Fwd) (fwd)  ", "hello", True),
        (b"(fwd)", "", True),
        (b"Re:", "", True),
        (b"[fwd: hello]", "hello", True),
        (b"[Fwd: Re: [list] hello (fwd)]", "hello", True),
        (b"Re: [fwd: [fwd: hello]] (fwd)", "hello", True),
        (b"[fwd:]", "", True),
        (b"[fwd: hello", "[fwd: hello", False),
        (b"[fwd: hello] there", "there", False),  # that was a blob
        (b"[fwd: a] [b]", "[b]", False),
        (b"re", "re", False),
        (b"ref: hello", "ref: hello", False),
        (b"regarding: hello", "regarding: hello", False),
        (b"[unclosed Re: hello", "[unclosed Re: hello", False),
        (b"[a[b]] hello", "[a[b]] hello", False),
        (b"=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=", "Grüße", True),
        (b"Re: =?utf-8?b?UmU6IGhlbGxv?=", "hello", True),
        (b"AW: hello", "AW: hello", False),  # other languages are not removed (§7)
    ],
)
def test_examples(subject: bytes, base: str, is_reply: bool) -> None:
    assert base_subject(subject) == BaseSubject(base, is_reply)


def by_the_book(text: str) -> tuple[str, bool]:
    """The six steps as they are written, on strings that are cut again and again."""
    blob = r"\[[^\[\]\0]*\][ \t]*"
    refwd = rf"(?:re|fwd?)[ \t]*(?:{blob})?:"
    reply = False
    text = re.sub(r"[\t\r\n]", " ", text)
    text = re.sub(" +", " ", text)
    while True:
        while match := re.search(r"(\(fwd\)|[ \t])\Z", text, re.IGNORECASE):
            reply = reply or match[1].lower() == "(fwd)"
            text = text[: match.start()]
        while True:
            if match := re.match(rf"(?:{blob})*{refwd}", text, re.IGNORECASE):
                reply = True
                text = text[match.end() :]
            elif text[:1] == " ":
                text = text[1:]
            elif (match := re.match(blob, text)) and text[match.end() :]:
                text = text[match.end() :]
            else:
                break
        if text[:5].lower() == "[fwd:" and text.endswith("]"):
            reply = True
            text = text[5:-1]
        else:
            return text, reply


PIECES = ["re", "Re:", "fwd:", "FW", "[", "]", "[x]", "[fwd:", "(fwd)", " ", "\t", ":", "a", "\0"]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_steps_are_those_of_the_rfc(text: str) -> None:
    found = base_subject(text.encode())
    assert (found.text, found.is_reply) == by_the_book(text)


@given(st.binary(max_size=60))
def test_nothing_is_left_to_remove(value: bytes) -> None:
    text = base_subject(value).text
    if "=?" not in text:
        assert base_subject(text.encode()) == BaseSubject(text)


@pytest.mark.parametrize(
    "subject",
    [
        b"Re: " * 60_000,
        b"[a]" * 80_000 + b"x",
        b"[a]" * 80_000,
        b"[fwd:" * 40_000 + b"]" * 40_000,
        b"(fwd)" * 50_000,
        b"[" * 250_000,
        b"[a] Re: " * 30_000,
        b"re[" * 80_000,
        b"[fwd: [a] re: " * 15_000 + b"x" + b"]" * 15_000,
    ],
)
def test_reading_is_linear(subject: bytes) -> None:
    began = time.process_time()
    base_subject(subject)
    assert time.process_time() - began < 2.0  # 0.05 here; a minute if it were not
