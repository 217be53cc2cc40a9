"""A message as tokens."""

from hypothesis import given, strategies as st

from postroom.message import headers
from postroom.message.scan import scan
from postroom.policy import tokens as module
from postroom.policy.tokens import MAX_TOKENS, MAX_WORD, Tokens, number, tokens

LETTER = (
    b"From: Ann <ann@client.example>\r\nTo: bob@here.example\r\nSubject: Big lunch\r\n"
    b"Message-ID: <1@client.example>\r\n\r\nThe lunch at http://shop.example/menu/today costs $20!\r\n"
)


def read(letter: bytes) -> Tokens:
    head, body = headers.split(letter)
    return tokens(head, scan(letter), body)


def words(letter: bytes) -> set[str]:
    return set(read(letter).names.values())


def test_words_subject_and_links() -> None:
    assert words(LETTER) >= {
        "the", "lunch", "costs", "$20", "subject:big", "subject:big lunch", "site:shop.example", "to:1",
    }  # fmt: skip


def test_a_word_in_the_subject_is_another_than_in_the_text() -> None:
    assert number("subject:lunch") != number("lunch")
    assert read(LETTER).names[number("subject:lunch")] == "subject:lunch"


def test_what_is_written_on_top_on_the_way_changes_nothing() -> None:
    top = b"Received: from x by y; now\r\nAuthentication-Results: y; dkim=pass\r\nX-Spam: no\r\n"
    assert read(top + LETTER) == read(LETTER)


def test_words_with_capitals_count_twice() -> None:
    assert words(b"Subject: x\r\n\r\nFREE money, free of charge") >= {"FREE", "free", "money"}
    assert "Money" not in words(b"Subject: x\r\n\r\nmoney")


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_words_of_ascii_are_those_of_any_text(text: str) -> None:
    assert module._ASCII_WORD.findall(text) == module._WORD.findall(text)


def test_the_digest_is_that_of_one_message() -> None:
    other = LETTER.replace(b"<1@client", b"<2@client")
    assert read(other).names == read(LETTER).names
    assert read(other).digest != read(LETTER).digest
    assert read(LETTER.replace(b"lunch", b"dinner")).digest != read(LETTER).digest
    assert read(LETTER.replace(b"ann@client", b"eve@client")).digest == read(LETTER).digest


def test_japanese_is_cut_into_pieces() -> None:
    letter = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n未承諾広告です\r\n"
    assert words(letter.encode()) >= {"未承", "諾広", "告で", "す"}


def test_bounds() -> None:
    text = b" ".join(b"word%d" % count for count in range(20_000))
    subject = b" ".join(b"subject%d" % count for count in range(20_000))
    found = read(b"Subject: " + subject + b"\r\n\r\n" + text)
    assert len(found.names) <= MAX_TOKENS
    assert max(map(len, words(b"\r\n" + b"x" * 50_000))) <= MAX_WORD
    assert read(b"Subject: " + subject + b"\r\n\r\n" + text) == found


def test_remembered_words_are_bounded() -> None:
    before = len(module._numbers)
    for count in range(100_000):
        number(f"never-{count}")
    assert len(module._numbers) <= max(before, 40_000)
    assert number("lunch") == number("lunch")


@given(st.binary(max_size=300))
def test_tokens_are_63_bits_and_nothing_raises(octets: bytes) -> None:
    for letter in (octets, LETTER + octets, b"Subject: " + octets):
        assert all(0 <= token < 1 << 63 for token in read(letter).names)
