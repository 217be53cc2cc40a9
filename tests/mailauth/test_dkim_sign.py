"""Signatures are held against dkimpy, over letters of every kind."""

import base64
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_sign import (
    ALWAYS,
    AS_THEY_STAND,
    MAX_INSTANCES,
    MAX_LINE,
    Unsignable,
    sign,
)
from postroom.message import headers
from tests import absent
from tests.mailauth.keys import SIGNED, signers, verified

HEAD: Final = (
    b"Received: from a by b; Mon, 12 Oct 2026 09:59:58 +0000\r\n"
    b"From: Alice <alice@example.org>\r\n"
    b"To: bob@example.com\r\n"
    b"Subject: Minutes  of the\r\n\t meeting \r\n"
    b"Date: Mon, 12 Oct 2026 09:59:58 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
)
BODY: Final = b"one  \r\n\r\ntwo\tthree\r\n\r\n\r\n"


def signatures(letter: bytes, *, domain: str = "example.org", days: int | None = None) -> bytes:
    head, body = headers.split(letter)
    return sign(
        head,
        relaxed_body_hash([body]),
        signers(),
        domain=domain,
        now_seconds=SIGNED,
        expire_days=days,
    )


def tags(field: bytes) -> dict[str, str]:
    _, _, value = field.decode("ascii").partition(":")
    pairs = [part.partition("=") for part in "".join(value.split()).split(";")]
    return {name: text for name, _, text in pairs}


def tag_lists(fields: bytes) -> list[dict[str, str]]:
    return [tags(fields[field.start : field.end]) for field in headers.fields(fields)]


def test_one_signature_for_each_key() -> None:
    rsa, ed25519 = tag_lists(signatures(HEAD + BODY))
    assert (rsa["a"], rsa["s"]) == ("rsa-sha256", "r1")
    assert (ed25519["a"], ed25519["s"]) == ("ed25519-sha256", "e1")
    for found in (rsa, ed25519):
        assert list(found) == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"]
        assert (found["v"], found["c"], found["d"]) == ("1", "relaxed/relaxed", "example.org")
        assert found["t"] == str(SIGNED)
        assert base64.b64decode(found["bh"]) == relaxed_body_hash([BODY])
    assert len(base64.b64decode(rsa["b"], validate=True)) == 256
    assert len(base64.b64decode(ed25519["b"], validate=True)) == 64


def test_dkimpy_agrees() -> None:
    assert verified(signatures(HEAD + BODY) + HEAD + BODY) == [True, True]


def test_dkimpy_would_notice() -> None:
    letter = signatures(HEAD + BODY) + HEAD + BODY
    for old, new in (
        (b"Minutes", b"Seconds"),
        (b"three", b"four"),
        (b"d=example.org", b"d=example.net"),
        (b"t=17", b"t=16"),
        (b"\r\n\r\none", b"\r\nX: y\r\n\r\none  x"),
    ):
        assert letter.count(old) >= 1
        assert verified(letter.replace(old, new)) == [False, False]


def test_no_signer_no_field() -> None:
    assert sign(HEAD, b"\0" * 32, (), domain="example.org", now_seconds=SIGNED) == b""


def test_expiry() -> None:
    fields = signatures(HEAD + BODY, days=36_500)
    for found in tag_lists(fields):
        assert int(found["x"]) - int(found["t"]) == 36_500 * 86_400
    assert verified(fields + HEAD + BODY) == [True, True]


def test_lines_are_short_and_ascii() -> None:
    for domain in ("example.org", "a" * 60 + ".example.org", ".".join(["b" * 60] * 4)):
        fields = signatures(HEAD + BODY, domain=domain)
        fields.decode("ascii")
        assert fields.endswith(b"\r\n")
        assert fields.count(b"\r\n") == fields.count(b"\n") == fields.count(b"\r")
        for line in fields.removesuffix(b"\r\n").split(b"\r\n"):
            assert line.strip()
            assert line.startswith((b" ", b"DKIM-Signature: v=1;"))
            assert len(line) <= MAX_LINE or domain.encode() in line
        assert verified(fields + HEAD + BODY, domain) == [True, True]


@pytest.mark.parametrize("name", ALWAYS)
def test_another_instance_in_front_breaks_both(name: bytes) -> None:
    letter = HEAD + BODY
    assert verified(signatures(letter) + name + b": x\r\n" + letter) == [False, False]
    twice = name + b": x\r\n" + letter
    assert verified(signatures(twice) + twice) == [True, True]
    assert verified(signatures(twice) + letter) == [False, False]


@pytest.mark.parametrize("name", [*AS_THEY_STAND, b"sender", b"received", b"x-spam"])
def test_a_list_may_add_its_own(name: bytes) -> None:
    letter = HEAD + BODY
    assert verified(signatures(letter) + name + b": x\r\n" + letter) == [True, True]


@pytest.mark.parametrize("name", [*AS_THEY_STAND, b"sender"])
def test_what_is_there_is_covered(name: bytes) -> None:
    letter = name + b": x\r\n" + HEAD + BODY
    assert verified(signatures(letter) + letter) == [True, True]
    changed = letter.replace(b": x\r\n", b": y\r\n")
    assert verified(signatures(letter) + changed) == [False, False]
    added = name + b": z\r\n" + letter
    assert verified(signatures(letter) + added) == [name != b"sender"] * 2


def test_h_names_instances_and_one_more() -> None:
    letter = b"To: a@b\r\nSender: c@d\r\nList-Id: <x>\r\nList-Id: <y>\r\n" + HEAD
    names = tag_lists(signatures(letter))[0]["h"].split(":")
    counts = {name: names.count(name) for name in names}
    assert counts["from"] == counts["subject"] == counts["sender"] == counts["list-id"] == 2
    assert counts["to"] == 3
    assert counts["cc"] == counts["reply-to"] == counts["mime-version"] == 1
    assert "received" not in counts
    assert "list-post" not in counts


@pytest.mark.parametrize(
    "fields",
    [
        b"Subject:\r\n",
        b"Subject: \t \r\n",
        b"Subject:\r\n \r\n",
        b"Subject:a\r\n",
        b"Subject: a\r\n\r\n",
        b"SUBJECT: \ta\t\r\n  \t b  \r\n\tc\r\n",
        b"Subject: gr\xc3\xbc\xc3\x9fe\r\n",
        b"Subject: \xff\xfe\r\n",
        b"Subject: first\r\nSubject: second\r\nSubject:\r\n third\r\n",
        b"To: a@b\r\nCc: c@d\r\nto: e@f\r\nCC: g@h\r\n",
        b"Subject: a; b=c; DKIM-Signature: x\r\n",
        b"List-Unsubscribe: <https://x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=other; s=x; h=from; bh=; b=\r\n",
    ],
)
def test_odd_fields(fields: bytes) -> None:
    letter = fields.removesuffix(b"\r\n") + b"\r\n" + HEAD + BODY
    if b"\r\n\r\n" in fields:
        letter = HEAD[:-2] + fields + BODY
    assert verified(signatures(letter) + letter) == [True, True]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b" \r\n\t\r\n",
        b"a\r\n",
        b"a",
        b"\r\n\r\na\r\n",
        b"a \t b \t\r\n \t\r\n\r\n",
        b".\r\n..\r\n",
        b"\xff\x80\r\n",
        b"x" * 998 + b"\r\n",
        b"a  b\r\n" * 50_000,
    ],
)
def test_bodies_of_every_kind(body: bytes) -> None:
    assert verified(signatures(HEAD + body) + HEAD + body) == [True, True]


def letters() -> list[Path]:
    return [
        path for folder in ("rfc", "legacy", "thirdparty")
        for path in absent.vectors(f"mime/{folder}", "*.eml")
    ]  # fmt: skip


def test_public_letters() -> None:
    """As they would be signed: with CRLF, a From, and no line in the header that is no field."""
    checked = 0
    for path in letters():
        octets = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        head, body = headers.split(octets.replace(b"\n", b"\r\n"))
        kept = [head[field.start : field.end] for field in headers.fields(head)]
        letter = b"".join([b"From: a@example.org\r\n", *kept]) + b"\r\n" + body
        if not letter.endswith(b"\r\n"):
            letter += b"\r\n"
        assert verified(signatures(letter) + letter) == [True, True], path
        checked += 1
    assert checked == 84 or not letters()


FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"Subject", b"To", b"cc", b"X-Other", b"List-Id", b"FROM", b"Sender"]),
        st.sampled_from([b"", b" "]),
        st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n ", b"\xc3\xa4", b":", b";", b"\xff"])),
    ).map(lambda parts: parts[0] + b":" + parts[1] + b"".join(parts[2]) + b"\r\n"),
    max_size=8,
).map(b"".join)
BODIES = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\xff", b"."])).map(
    lambda pieces: b"".join(pieces) + b"\r\n"
)


@settings(max_examples=50)
@given(FIELDS, BODIES)
def test_any_letter(fields: bytes, body: bytes) -> None:
    letter = b"From: a@example.org\r\n" + fields + b"\r\n" + body
    assert verified(signatures(letter) + letter) == [True, True]


def test_a_message_without_from_is_not_signed() -> None:
    for head in (b"", b"\r\n", b"Subject: x\r\n\r\n", b"Subject: x\r\n\r\nFrom: a@b\r\n"):
        with pytest.raises(Unsignable, match="no From"):
            sign(head, b"\0" * 32, signers(), domain="example.org", now_seconds=SIGNED)


def test_too_many_fields_are_not_signed() -> None:
    letter = b"To: a@b\r\n" * (MAX_INSTANCES - 5) + HEAD
    assert verified(signatures(letter) + letter) == [True, True]
    with pytest.raises(Unsignable, match="more than 100"):
        signatures(b"To: a@b\r\n" + letter)


@given(st.binary(max_size=300))
def test_any_octets(octets: bytes) -> None:
    try:
        fields = sign(octets, b"\0" * 32, signers()[1:], domain="example.org", now_seconds=SIGNED)
    except Unsignable:
        return
    assert len(tag_lists(fields)) == 1


def test_a_block_cut_in_its_last_field() -> None:
    head = b"Subject: x\r\nFrom: a@b"
    fields = sign(head, relaxed_body_hash([]), signers(), domain="e.org", now_seconds=SIGNED)
    assert verified(fields + head + b"\r\n\r\n", "e.org") == [True, True]
