"""Our IMAP beside Dovecot's: the same letters, the same questions, the same answers.

The letters are odd on purpose; the public vectors come to them where they are at hand. In
what the two differ by design stands in ``_alike`` and the functions it calls; any other
difference fails.
"""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from bench.dovecot import Dovecot
from interop.oracle import MAILBOX, Pair, crlf, numbers_of, paired
from postroom.protocol.imap.client_values import Value
from rig.server import Server
from tests.absent import vectors

_HEADS: Final = {
    "no header": "just a line\n\nmore\n",
    "nothing but a header": "Subject: x\n",
    "only a body": "\nbody only\n",
    "groups": "To: undisclosed-recipients:;\nCc: g: a@x.test, B <b@x.test>;, c@x.test\n\nx\n",
    "names": 'From: "Doe, \\"J\\"" <j@x.test>, bob@y.test (Bob)\nSender: a@[1.2.3.4]\n\nx\n',
    "a route": "From: <@a,@b:c@d.test>\nTo: A B\n <a@b>\nReply-To:\n\nx\n",
    "comments": "To: a@b (c (nested) c), J. R. Smith <j@x>\nDate: (c) 7 Feb 1994\n\nx\n",
    "encoded words": "Subject: =?utf-8?q?b=C3=B6dy?=\nFrom: =?utf-8?q?J=C3=B6rg?= <j@x.test>\n\nx\n",
    "utf-8": "Subject: Grüße\nFrom: Jörg <j@x.test>\n\nGrüße\n",
    "identifiers": "Message-ID: <a@b> (c)\nIn-Reply-To: <c@d>\n <e@f>\nReferences: <c@d> <e@f>\n\nx\n",
    "quotes and controls": 'Subject: "quoted" \\ \x01 back\n\nx\n',
    "long": "Subject: " + "x" * 3000 + "\n\n" + "y" * 5000 + "\n",
}
_BODIES: Final = {
    "facts": (
        'Content-Type: TEXT/HTML; CHARSET="utf-8" (c); format=flowed ; x=\n'
        "Content-Transfer-Encoding: Quoted-Printable (c)\nContent-ID: <a@b>\n"
        "Content-Description: a\n b\nContent-MD5: Q2hlY2s=\nContent-Language: en, de\n"
        'Content-Disposition: ATTACHMENT; filename="a b.txt"; size=3\n\nx=\n\n'
    ),
    "a message": "Content-Type: message/rfc822\n\nSubject: inner\nFrom: a@b\n\ninner body\n",
    "a message in base64": (
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKYgo=\n"
    ),
    "a report": "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nStatus: 5.1.1\n",
    "parts": (
        "Content-Type: multipart/mixed; boundary=x\n\nbefore\n--x\n\nfirst\n--x\n"
        "Content-Type: text/html; charset=utf-8\n\n<b>second</b>\n\n--x--\nbehind\n"
    ),
    "not closed": (
        'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\none\n--x\n'
        "Content-Type: application/pdf\n\ntwo"
    ),
    "empty parts": "Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\n--x\nA: b\n--x--\n",
    "inside not closed": (
        "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
        "Content-Type: multipart/alternative; boundary=i\n\n--i\n\nin\n--o\n\nout\n--o--\n"
    ),
    "a digest": (
        "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: dig1\n\nd1\n--d\n"
        "Content-Type: text/plain\n\nno message\n--d--\n"
    ),
    "one boundary begins like the other": (
        "Content-Type: multipart/mixed; boundary=ab\n\n--ab\n"
        "Content-Type: multipart/mixed; boundary=abc\n\n--abc\n\nin\n--abc--\n--ab\n\nout\n--ab--\n"
    ),
    "a related one": (
        'Content-Type: multipart/related; boundary=o; type="text/html"; start="<a@b>"\n'
        "Content-Language: fr\nContent-Disposition: inline\nContent-Location: loc\n\n--o\n"
        "Content-Type: text/html\nContent-ID: <a@b>\n\nx\n--o--\n"
    ),
    "latin-1": (
        "Content-Type: text/plain; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe aus M=FCn=\nchen\n"
    ),
    "base64": (
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        "R3LDvMOfZSBhdXMgTcO8bmNoZW4=\n"
    ),
    "a file": (
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nplain\n--x\n"
        "Content-Type: text/plain; name=secret.txt\n"
        "Content-Disposition: attachment; filename=secret.txt\n\nneedle\n--x--\n"
    ),
}
_DATE: Final = "Mon, 7 Feb 1994 {:02}:52:25 -0800"
_THREADS: Final = {
    name: f"Subject: {subject}\nMessage-ID: <{name}@t>\nFrom: {who}\nTo: {to}\nDate: "
    + _DATE.format(hour)
    + f"\n{more}\n\nx\n"
    for name, subject, who, to, hour, more in (
        ("root", "hello", "c@x", "Zoe <a@x>", 1, "X-A: b"),
        ("reply", "Re: hello", "B <z@x>", "b@x", 5, "References: <root@t>"),
        ("stray", "RE: hello", "a@x", "c@x", 3, "X-A: b"),
        ("child", "other", "d@x", "d@x", 9, "In-Reply-To: <reply@t> of <nobody@t>"),
        ("orphan", "lost", "e@x", "e@x", 8, "References: <gone@t>"),
        ("sister", "lost, too", "f@x", "f@x", 2, "References: <gone@t> <root@t>"),
        ("list", "[list] Fwd: Re: hello (fwd)", "g@x", "g@x", 4, "References: <x@t> <reply@t>"),
        ("loop", "loop", "h@x", "h@x", 6, "References: <loop@t>"),
        ("last", "zebra", "i@x", "i@x", 0, "Cc: q@x"),
    )
}
ITEMS: Final = (
    *("ENVELOPE", "BODY", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE", "RFC822.HEADER"),
    *("BODY.PEEK[]", "BODY.PEEK[TEXT]", "BODY.PEEK[]<5.10>", "BODY.PEEK[HEADER.FIELDS (To From)]"),
    *("BODY.PEEK[1]", "BODY.PEEK[2]", "BODY.PEEK[1.MIME]", "BODY.PEEK[2.MIME]"),
    *("BODY.PEEK[1.HEADER]", "BODY.PEEK[1.TEXT]", "BODY.PEEK[1]<2.3>"),
)
QUESTIONS: Final = (
    *("ALL", "NOT ALL", "UNSEEN", "OLD", "1,3:5", "*", "UID 2:4,9", "UID 100000:*"),
    *('SUBJECT ""', "SUBJECT hello", "SUBJECT re:", "SUBJECT HELLO", 'FROM ""', "FROM j@x"),
    *("FROM bob", 'FROM "Doe,"', "TO undisclosed", 'CC "b@x.test"', "BCC x", 'HEADER DATE ""'),
    *('HEADER MESSAGE-ID ""', "HEADER X-A b", 'HEADER X-NO ""', "HEADER REFERENCES gone"),
    *("BODY first", "BODY second", "BODY needle", "BODY secret.txt", "TEXT secret.txt"),
    *('TEXT "text/html"', "BODY 5.1.1", "BODY inner", "TEXT dig1", "BODY before", "BODY behind"),
    *("SENTON 7-Feb-1994", "SENTSINCE 8-Feb-1994", "NOT SENTSINCE 7-Feb-1994 HEADER DATE 1994"),
    *("ON 17-Jul-1996", "BEFORE 17-Jul-1996", "SINCE 17-Jul-1996", "LARGER 5000", "SMALLER 100"),
    *("OR SUBJECT hello OR FROM bob NOT BODY x", "NOT (SUBJECT hello FROM c)", "NOT NOT BODY x"),
    *("KEYWORD x", "UNKEYWORD x", "MODSEQ 1", "OLDER 10", "YOUNGER 10", "DELETED", "LARGER 0"),
    *('CHARSET UTF-8 BODY "München"', 'CHARSET UTF-8 BODY "MÜNCHEN"', 'CHARSET UTF-8 TEXT "Jörg"'),
    *('CHARSET UTF-8 SUBJECT "BÖDY"', 'CHARSET UTF-8 FROM "jörg"', 'CHARSET UTF-8 SUBJECT "grü"'),
)
ORDERS: Final = (
    *("SUBJECT", "FROM", "TO", "CC", "DATE", "ARRIVAL", "SIZE", "REVERSE DATE", "DISPLAYFROM"),
    *("DISPLAYTO", "SUBJECT REVERSE DATE", "REVERSE SUBJECT REVERSE FROM"),
)


@pytest.fixture(scope="module")
def odd(server: Server, dovecot: Dovecot) -> Iterator[Pair]:
    """Odd letters, and those that are at hand."""
    letters = {name: crlf(text.encode()) for name, text in (_HEADS | _BODIES).items()}
    for path in vectors("mime/legacy", "*.eml"):
        letters[path.stem] = crlf(path.read_bytes().replace(b"\r", b""))
    pair = paired(server, dovecot, f"{MAILBOX}-odd", letters)
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def talks(server: Server, dovecot: Dovecot) -> Iterator[Pair]:
    """Letters that can be sorted and threaded, and searched."""
    letters = {name: crlf(text.encode()) for name, text in (_HEADS | _BODIES | _THREADS).items()}
    pair = paired(server, dovecot, f"{MAILBOX}-talks", letters)
    yield pair
    pair.close()


@pytest.mark.parametrize("item", ITEMS)
def test_fetch(odd: Pair, item: str) -> None:
    ours, theirs = [_fetched(answers) for answers in odd.ask(f"FETCH 1:* ({item})")]
    assert len(ours) == len(odd.names)
    different = [
        (name, mine, other)
        for number, name in enumerate(odd.names, 1)
        for mine, other in [(ours[number], theirs[number])]
        if _alike(item, mine) != _alike(item, other)
    ]
    assert different == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_search(talks: Pair, question: str) -> None:
    ours, theirs = [numbers_of(answers) for answers in talks.ask(f"SEARCH {question}")]
    assert {talks.names[n - 1] for n in ours} == {talks.names[n - 1] for n in theirs}


@pytest.mark.parametrize("order", ORDERS)
def test_sort(talks: Pair, order: str) -> None:
    dated = 'HEADER DATE "" NOT SUBJECT "Grüße"'
    ours, theirs = [numbers_of(answers) for answers in talks.ask(f"SORT ({order}) UTF-8 {dated}")]
    assert [talks.names[n - 1] for n in ours] == [talks.names[n - 1] for n in theirs]
    assert len(ours) > len(_THREADS)


@pytest.mark.parametrize("algorithm", ["REFERENCES", "ORDEREDSUBJECT"])
def test_thread(talks: Pair, algorithm: str) -> None:
    ours, theirs = talks.ask(f'THREAD {algorithm} UTF-8 HEADER DATE ""')
    assert ours == theirs


def test_thread_by_ancestry_alone(talks: Pair) -> None:
    """The order of threads is another: by arrival here, by the Date field there."""
    ours, theirs = talks.ask('THREAD REFS UTF-8 HEADER DATE ""')
    assert sorted(map(repr, ours[0])) == sorted(map(repr, theirs[0]))


def _fetched(answers: list[list[Value]]) -> dict[int, Value]:
    """What FETCH answered last of each message."""
    found: dict[int, Value] = {}
    for number, word, *rest in answers:
        if word == b"FETCH" and isinstance(number, bytes) and isinstance(rest[0], list):
            found[int(number)] = rest[0][-1]
    return found


def _alike(item: str, value: Value) -> Value:
    if item == "ENVELOPE":
        return _without_marks(value)
    if item.startswith("BODY.PEEK"):
        text = value if isinstance(value, bytes) else b""  # what is not there is NIL here
        return text.removesuffix(b"\r\n") if text.endswith(b"--\r\n") else text  # RFC 2046 §5.1.1
    return _structure(value) if item.startswith("BODY") else value


def _without_marks(value: Value) -> Value:
    """Dovecot writes words where a mailbox or domain is missing; blanks are one to it."""
    if isinstance(value, list):
        return [_without_marks(one) for one in value]
    if value in {b"MISSING_MAILBOX", b"MISSING_DOMAIN"}:
        return b""
    return value if value is None else re.sub(rb"[ \t]+", b" ", value)


def _structure(value: Value) -> Value:
    """In small letters, and without the charset that Dovecot adds."""
    if not isinstance(value, list):
        return None if value is None else value.lower()
    lowered = [_structure(one) for one in value]
    if lowered[:2] == [b"charset", b"us-ascii"]:
        return lowered[2:] or None
    return lowered[:-2] if lowered[-2:] == [b"charset", b"us-ascii"] else lowered
