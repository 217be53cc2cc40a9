"""Signatures of texts."""

import random
from string import ascii_lowercase

from hypothesis import given, strategies as st

from postroom.store.signature import MAX_BITS, Probe, signature

TEXT = st.text(alphabet="abcß日 \n\r\tz", max_size=60)


@given(TEXT, st.integers(0, 60), st.integers(0, 12), TEXT)
def test_what_stands_in_a_text_is_never_ruled_out(
    text: str, start: int, length: int, more: str
) -> None:
    wanted = Probe(text[start : start + length].encode())
    assert wanted.may_be_in(signature((text + "\n" + more).encode()))
    assert wanted.may_be_in(signature((more + text).encode()))
    for separator in (b"\xfd", b"\xfe", b"\xff"):
        assert wanted.may_be_in(signature(more.encode() + separator + text.encode()))


def test_most_of_what_does_not_is_ruled_out() -> None:
    words = [bytes(random.Random(n).choices(ascii_lowercase.encode(), k=7)) for n in range(3000)]
    text = signature(b" ".join(words[:300]))
    assert sum(Probe(word).may_be_in(text) for word in words[300:]) < 40
    assert int.from_bytes(text).bit_count() < len(text) * 8 / 3


def test_short_words_are_never_ruled_out() -> None:
    for text in (b"", b"ab", b"a b c", "ä".encode(), b"\r\n"):
        assert Probe(text).may_be_in(signature(b""))
    assert not Probe(b"abc").may_be_in(signature(b""))
    assert not Probe("日".encode()).may_be_in(signature(b"ab"))


def test_a_signature_is_bounded() -> None:
    every = bytes(octet for n in range(0x61, 0x7B) for m in range(0x61, 0x7B) for octet in (n, m))
    blocks = [every[at:] + every[:at] for at in range(0, len(every), 7)]
    assert len(signature(b"".join(blocks))) <= 1 << (MAX_BITS - 3)
    assert len(signature(b"")) == 1


def test_a_damaged_signature_rules_nothing_out_by_an_error() -> None:
    assert Probe(b"abc").may_be_in(b"")
