"""Letters and strategies that the tests of this package share."""

import json
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from postroom.message.part import Part
from tests import absent

SIMPLE: Final = (
    b"From: Alice Example <alice@example.org>\r\n"
    b'To: Bob <bob@example.com>, "Carol, C." <carol@example.com>\r\n'
    b"Subject: Minutes of the\r\n meeting\r\n"
    b"Date: Mon, 12 Oct 2026 09:59:58 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"Content-Type: text/plain; charset=utf-8; format=flowed\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"one\r\ntwo\r\nthree\r\n"
)

# Numbers as in RFC 3501 §6.4.5: 1 TEXT, 2 APPLICATION, 3 MESSAGE (3.1 TEXT, 3.2 APPLICATION),
# 4 MULTIPART (4.1 IMAGE, 4.2 MESSAGE with 4.2.1 TEXT, 4.2.2 MULTIPART of 4.2.2.1, 4.2.2.2)
NESTED: Final = b"""\
Subject: outer
Content-Type: multipart/mixed; boundary=A

preamble
--A
Content-Type: text/plain

1
--A
Content-Type: application/octet-stream

2
--A
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: text/plain

3.1
--B
Content-Type: application/octet-stream

3.2
--B--
--A
Content-Type: multipart/mixed; boundary=C

--C
Content-Type: image/gif

4.1
--C
Content-Type: message/rfc822

Subject: four two
Content-Type: multipart/mixed; boundary=D

--D
Content-Type: text/plain

4.2.1
--D
Content-Type: multipart/alternative; boundary=E

--E
Content-Type: text/plain

4.2.2.1
--E
Content-Type: text/richtext

4.2.2.2
--E--
--D--
--C--
--A--
epilogue
""".replace(b"\n", b"\r\n")

_CHUNKS: Final = [
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b'Content-Type: multipart/digest; boundary="b b"\r\n',
    b"Content-Type: multipart/mixed; boundary=aa\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n",
    b"Content-Disposition: attachment; filename*0=a; filename*1*=%20b\r\n",
    b"Content-Language: de, (x) en\r\n",
    b"Subject: =?utf-8?q?a?= =?utf-8?b?w6k=?=\r\n",
    b'From: "a" <a@b>, g: c@d;\r\n',
    b"To: <\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n--a\r\n",
    b"--a\r\n",
    b"\r\n--a--\r\n",
    b"\r\n--aa \t\r\n",
    b"\r\n--aa--",
    b"--b b\r\n",
    b"\r\n--b b--\r\n",
    b"--",
    b" ",
    b"x" * 40 + b"\r\n",
]
octets: Final = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(st.sampled_from(_CHUNKS), st.binary(max_size=8)), max_size=40).map(b"".join),
)


def walk(part: Part) -> list[Part]:
    """The part and everything inside it."""
    found = [part]
    for inner in [*part.children, *([part.message] if part.message else [])]:
        found += walk(inner)
    return found


def vector_files() -> list[Path]:
    """The letters of the public MIME vectors."""
    return [
        path for folder in ("rfc", "legacy", "thirdparty")
        for path in absent.vectors(f"mime/{folder}", "*.eml")
    ]  # fmt: skip


def vectors(name: str) -> list[dict[str, Any]]:
    """The cases of one of the header vectors; empty, and told, when they are not here."""
    return [case for path in absent.vectors("mime", name) for case in json.loads(path.read_text())]
