import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings, strategies as st

from postroom.message import dates
from postroom.message.addresses import mailboxes, parse
from postroom.message.charset import decode_words
from postroom.message.compose import Attachment, Draft, Person, compose, field, one_line, words
from postroom.message.content import decoded
from postroom.message.headers import split, value
from postroom.message.index import index
from postroom.message.scan import scan

DATE = dates.write(1_791_799_198_000)
ALICE = Person("alice@example.org", "Alice")
BOB = Person("bob@example.com")


def _draft(**changes: object) -> Draft:
    values: dict[str, object] = {
        "sender": ALICE,
        "to": [BOB],
        "subject": "Hello",
        "text": "One\nTwo\n",
        "date": DATE,
        "message_id": "1@example.org",
    }
    return Draft(**(values | changes))  # type: ignore[arg-type]


def _parsed(octets: bytes) -> EmailMessage:
    """The standard library as a second reader."""
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_plain_letter() -> None:
    assert compose(_draft()) == (
        b"From: Alice <alice@example.org>\r\n"
        b"To: bob@example.com\r\n"
        b"Subject: Hello\r\n"
        b"Date: Mon, 12 Oct 2026 09:59:58 +0000\r\n"
        b"Message-ID: <1@example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"One\r\nTwo\r\n"
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "7bit"),
        ("no line end", "7bit"),
        ("a\rb\r\nc\nd", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Grüße\n.\nFrom x\nblank \n" + "x é " * 200, "quoted-printable"),
        ("=41\n", "7bit"),
        ("a\0b", "quoted-printable"),
        ("日本語" * 100, "base64"),
    ],
)
def test_texts(text: str, encoding: str) -> None:
    octets = compose(_draft(text=text))
    part = scan(octets)
    assert part.encoding == encoding
    expected = "\r\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    if expected and not expected.endswith("\r\n"):
        expected += "\r\n"
    assert decoded(part, octets[part.body_start : part.end]) == expected
    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))


@pytest.mark.parametrize(
    "name",
    ["", "Plain Name", 'Quoted, "x" \\ y.', "Jörg Müller", "名前" * 40, "x" * 600, "=?utf-8?q?x?="],
)
def test_names(name: str) -> None:
    octets = compose(_draft(sender=Person("a@example.org", name), to=[Person("b@c", name)] * 3))
    found = _parsed(octets)
    assert found["From"].addresses[0].addr_spec == "a@example.org"
    head = split(octets)[0]
    (mailbox,) = mailboxes(parse(value(head, b"from") or b""))
    assert decode_words(mailbox.name) == name
    assert [address.addr_spec for address in found["To"].addresses] == ["b@c"] * 3
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "short",
        "long " * 50,
        "Grüße",
        "日本語" * 50,
        "x" * 2000,
        "=?utf-8?q?x?=",
        "a\r\nBcc: x@y",
    ],
)
def test_subjects(subject: str) -> None:
    octets = compose(_draft(subject=subject))
    assert _parsed(octets)["Subject"] == one_line(subject)
    assert b"\r\nBcc:" not in octets


def test_other_fields() -> None:
    more = [("Auto-Submitted", "auto-generated"), ("X-Bad: name\r\n", "a\r\nb")]
    found = _parsed(compose(_draft(more=more, cc=[BOB, ALICE])))
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["X-Badname"] == "a b"
    assert [address.addr_spec for address in found["Cc"].addresses] == [
        "bob@example.com",
        "alice@example.org",
    ]


def test_an_address_stays_in_its_field() -> None:
    evil = Person("a@b.test\r\nBcc: x@y.test", "Eve\r\nBcc: x@y.test")
    octets = compose(_draft(sender=evil, to=[evil], cc=[evil]))
    assert b"\nBcc:" not in octets
    assert _parsed(octets)["Bcc"] is None


def test_what_is_said_never_ends_a_part() -> None:
    attached = [Attachment("a.txt", b"attached")]
    boundary = _parsed(compose(_draft(attachments=attached))).get_boundary()
    text = f"before\n--{boundary}\nbehind\n--{boundary}--\n"
    first, second = _parsed(compose(_draft(text=text, attachments=attached))).iter_parts()
    assert first.get_content().splitlines() == text.splitlines()
    assert second.get_content() == b"attached"


def test_smtputf8_addresses_stay() -> None:
    octets = compose(_draft(to=[Person("jörg@example.org")]))
    assert "To: jörg@example.org\r\n".encode() in octets


@pytest.mark.parametrize(
    "name", ["a.pdf", 'a "b" \\ c.pdf', "Grüße.pdf", "x" * 200 + ".pdf", "日本" * 60, ""]
)
def test_attachments(name: str) -> None:
    octets = compose(_draft(attachments=[Attachment(name, bytes(range(256)), "application/pdf")]))
    text, file = list(_parsed(octets).iter_parts())
    assert text.get_content() == "One\r\nTwo\r\n"
    assert file.get_content_type() == "application/pdf"
    assert file.get_content() == bytes(range(256))
    assert (file.get_filename() or "") == name
    part = scan(octets)
    assert [child.content_type[0] for child in part.children] == ["text", "application"]
    assert octets.isascii()


def test_an_attached_message_is_not_encoded() -> None:
    inner = compose(_draft(subject="inner"))
    octets = compose(_draft(attachments=[Attachment("m.eml", inner, "message/rfc822")]))
    message = scan(octets).children[1].message
    assert message is not None
    assert octets[message.header_start : message.end] == inner
    octets = compose(_draft(attachments=[Attachment("", b"A: \xff\r\n\r\n", "message/rfc822")]))
    assert scan(octets).children[1].encoding == "8bit"


def test_a_bad_type_is_octets() -> None:
    octets = compose(_draft(attachments=[Attachment("x", b"x", "text/x\r\nBcc: y")]))
    assert scan(octets).children[1].content_type == ("application", "octet-stream")


def test_the_boundary_stands_in_no_part() -> None:
    first = scan(compose(_draft(attachments=[Attachment("", b"", "message/rfc822")])))
    boundary = first.parameters[0][1]
    file = Attachment("", b"\r\n\r\n--" + boundary + b"--\r\n", "message/rfc822")
    octets = compose(_draft(attachments=[file]))
    assert len(scan(octets).children) == 2
    assert file.octets in octets


def test_words() -> None:
    assert words(" plain  words ") == ["plain", "", "words"]
    assert words("") == [""]
    assert all(len(word) <= 75 for word in words("日" * 200))


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=80))
@settings(max_examples=200)
def test_any_text(subject: str, text: str, name: str) -> None:
    draft = _draft(
        subject=subject,
        text=text,
        sender=Person("a@example.org", name),
        message_id=subject,
        more=[("X-More", name)],
        attachments=[Attachment(name, text.encode("utf-8", "replace"), text)],
    )
    octets = compose(draft)
    assert octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    part = scan(octets)
    assert len(part.children) == 2
    head = split(octets)[0]
    assert [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"")] == [
        b"From",
        b"To",
        b"Subject",
        b"Date",
        b"Message-ID",
        b"X-More",
        b"MIME-Version",
        b"Content-Type",
    ]
    index(head, part)


def test_a_field_is_folded_and_stays_one() -> None:
    assert field("X-A", "b") == "X-A: b"
    assert field("X-A", "b\r\nEvil: c") == "X-A: b Evil: c"
    assert field("X-A", "grün") == "X-A: =?utf-8?B?Z3LDvG4=?="
    folded = field("X-A", "word " * 40)
    assert max(map(len, folded.split("\r\n"))) <= 76


def test_a_letter_may_say_the_same_as_html() -> None:
    letter = _parsed(compose(_draft(text="Plain.", html="<p>Rich – text</p>")))
    assert letter.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in letter.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


def test_images_that_html_shows_are_parts_of_it() -> None:
    logo = Attachment("logo é.png", b"PNG", "image/png", "<logo\r\n@x é>")
    letter = _parsed(compose(_draft(text="Plain.", html='<img src="cid:logo@x">', images=[logo])))
    assert letter.get_content_type() == "multipart/alternative"
    text, related = letter.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert related.get_content_type() == "multipart/related"
    html, image = related.iter_parts()
    assert html.get_content_type() == "text/html"
    assert (image["Content-ID"], image.get_content_disposition()) == ("<logo@x>", "inline")
    assert (image.get_content(), image.get_filename()) == (b"PNG", "logo é.png")
