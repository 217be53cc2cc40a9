"""Our IMAP beside Dovecot's on letters made at random: orders, threads, searches, pieces."""

import base64
import quopri
from collections.abc import Iterator
from random import Random
from typing import Final

import pytest

from bench.dovecot import Dovecot
from interop.oracle import MAILBOX, Pair, crlf, numbers_of, paired
from rig.server import Server

LETTERS: Final = 40
SUBJECTS: Final = (
    *("hello", "Hello", "re: hello", "Re[2]: hello", "Fwd: hello", "[list] hello", "hello (fwd)"),
    *("Re: [list] hello", "[Fwd: hello]", "Re: Re: fw: hello", "re:hello", "Re : hello", "[a]"),
    *("[a] [b] hello", "Re:", "", "  hello  ", "=?utf-8?q?h=C3=A9llo?=", "HÉLLO", "hello\tworld"),
    *("=?utf-8?b?UmU6IGhlbGxv?=", "[Fwd: Re: hello]", "fwd [x]: hello", "(fwd)", "AW: hello"),
    *("Zebra", "apple", "ähnlich", "zuletzt", "Äpfel", "[x]hello", "[x] Re: [y] hello"),
)
PEOPLE: Final = (
    *("a@x", "Bob <b@x>", '"Zed" <z@x>', "=?utf-8?q?=C3=84nn?= <n@y>", "B@x", "(a comment)"),
    *("", "a@y, c@z", "grp: q@r;", "<@r:p@q>", '"C, D" <m@n>'),
)
ORDERS: Final = (
    *("SUBJECT", "DATE", "FROM", "TO", "CC", "SIZE", "ARRIVAL", "DISPLAYFROM", "DISPLAYTO"),
    "REVERSE SUBJECT DATE",
)
WORDS: Final = (
    *("alpha", "Bravo", "straße", "Ünïcode", "日本語", "naïve", "ΣΊΣΥΦΟΣ", "ПРИВЕТ", "x=y", "Å"),
    *("<b>bold</b>", "100%", "o'neil", "İstanbul", "ﬁne", "ﬀ"),
)
CHARSETS: Final = ("utf-8", "iso-8859-1", "koi8-r", "iso-2022-jp", "windows-1252")
SECTIONS: Final = ("", "1", "2", "3", "3.TEXT", "3.1", "3.HEADER", "TEXT")


def letter_of_a_talk(random: Random) -> bytes:
    """Header fields that decide its place in an order and in a thread."""
    identifier = f"<m{random.randrange(LETTERS)}@t>"
    lines = [f"From: {random.choice(PEOPLE)}", f"To: {random.choice(PEOPLE)}"]
    if random.random() < 0.9:
        lines.append(f"Subject: {random.choice(SUBJECTS)}")
        lines.append(f"Message-ID: {identifier}")
    ancestors = [f"<m{random.randrange(LETTERS)}@t>" for _ in range(random.randrange(4))]
    if ancestors:
        lines.append("References: " + random.choice([" ", "\n "]).join(ancestors))
    if random.random() < 0.3:
        lines.append(f"In-Reply-To: <m{random.randrange(LETTERS)}@t>\nCc: {random.choice(PEOPLE)}")
    zone = random.choice(["+0000", "-0500", "+0130", "GMT", "EST"])
    lines.append(f"Date: {random.randrange(1, 4)} Jan 2011 0{random.randrange(3)}:00:00 {zone}")
    return crlf(("\n".join(lines) + "\n\n" + "x" * random.randrange(3) + "\n").encode())


@pytest.mark.parametrize("seed", range(4))
def test_orders_and_threads(server: Server, dovecot: Dovecot, seed: int) -> None:
    random = Random(seed)
    letters = {str(number): letter_of_a_talk(random) for number in range(LETTERS)}
    pair = paired(server, dovecot, f"{MAILBOX}-talk-{seed}", letters)
    for order in ORDERS:
        ours, theirs = [numbers_of(one) for one in pair.ask(f"SORT ({order}) UTF-8 ALL")]
        assert ours == theirs, order
        assert len(ours) == LETTERS
    for algorithm in ("REFERENCES", "ORDEREDSUBJECT"):
        mine, other = pair.ask(f"THREAD {algorithm} UTF-8 ALL")
        assert mine == other, algorithm
    pair.close()


def encoded_word(random: Random, text: str, charset: str) -> str:
    octets = text.encode(charset, "replace")
    if random.random() < 0.5:
        return f"=?{charset}?b?{base64.b64encode(octets).decode()}?="
    return f"=?{charset}?q?" + "".join(f"={octet:02X}" for octet in octets) + "?="


def letter_in_a_charset(random: Random) -> bytes:
    charset = random.choice(CHARSETS)
    text = " ".join(random.choices(WORDS, k=20)).encode(charset, "replace")
    encoding = random.choice(["8bit", "quoted-printable", "base64"])
    if encoding == "quoted-printable":
        text = quopri.encodestring(text)
    elif encoding == "base64":
        text = base64.encodebytes(text)
    words = " ".join(random.choices(WORDS, k=3))
    subject = words if random.random() < 0.3 else encoded_word(random, words, charset)
    head = (
        f"Subject: {subject}\nFrom: {encoded_word(random, random.choice(WORDS), 'utf-8')} <a@x>\n"
        f"MIME-Version: 1.0\nContent-Type: text/{random.choice(['plain', 'html'])};"
        f" charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
    )
    return crlf(head.encode() + text + b"\n")


def test_words_in_charsets(server: Server, dovecot: Dovecot) -> None:
    random = Random(1)
    letters = {str(number): letter_in_a_charset(random) for number in range(LETTERS)}
    pair = paired(server, dovecot, f"{MAILBOX}-charsets", letters)
    found = 0
    for word in WORDS:
        for text in {word, word.upper(), word.lower(), word.swapcase(), word[1:], word[:2]}:
            for key in ("SUBJECT", "FROM", "BODY", "TEXT"):
                question = f'SEARCH CHARSET UTF-8 {key} "{text}"'
                ours, theirs = [numbers_of(answers) for answers in pair.ask(question)]
                assert ours == theirs, question
                found += len(ours)
    assert found > LETTERS
    pair.close()


@pytest.fixture(scope="module")
def large(server: Server, dovecot: Dovecot) -> Iterator[Pair]:
    """A letter of a megabyte with an attachment, and a letter inside."""
    text = quopri.encodestring("Zeile mit ü und mehr\n".encode() * 10_000)
    content = base64.encodebytes(Random(2).randbytes(500_001))
    letter = (
        b"Subject: large\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=Q\n\n--Q\n"
        b"Content-Type: text/plain; charset=utf-8\n"
        b"Content-Transfer-Encoding: quoted-printable\n\n" + text + b"\n--Q\n"
        b"Content-Type: application/x\nContent-Transfer-Encoding: base64\n\n" + content + b"--Q\n"
        b"Content-Type: message/rfc822\n\nSubject: inside\n\n" + b"y" * 200_000 + b"\n--Q--\n"
    )
    pair = paired(server, dovecot, f"{MAILBOX}-large", {"large": crlf(letter)})
    yield pair
    pair.close()


@pytest.mark.parametrize(
    "name",
    [
        *(f"BODY.PEEK[{section}]" for section in SECTIONS),
        *(f"BINARY.PEEK[{section}]" for section in SECTIONS[1:3]),
    ],
)
def test_pieces(large: Pair, name: str) -> None:
    random = Random(name)

    def fetched(item: str) -> bytes:
        ours, theirs = [answers[0][-1] for answers in large.ask(f"FETCH 1 ({item})")]
        assert isinstance(ours, list)
        assert ours == theirs, item
        assert isinstance(ours[-1], bytes)
        return ours[-1]

    whole = fetched(name)
    for _ in range(10):
        start = random.randrange(len(whole) + 10)
        length = random.choice([1, 5, 100, 65_536, 200_000, 10_000_000])
        assert fetched(f"{name}<{start}.{length}>") == whole[start : start + length]
