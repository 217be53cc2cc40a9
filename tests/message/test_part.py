import pytest

from postroom.message import part as parts
from postroom.message.part import Part


def _described(head: bytes, *, in_digest: bool = False) -> Part:
    part = Part()
    parts.describe(part, parts.read_fields(head, is_message=False), in_digest=in_digest)
    return part


def test_all_content_fields() -> None:
    part = _described(
        b"Content-Type: Text/HTML; charset=x\r\n"
        b"Content-Transfer-Encoding: BASE64\r\n"
        b'Content-Disposition: Attachment; filename="a b"\r\n'
        b"Content-Language: de, (comment) en ,\r\n"
        b"Content-Location: http://example.org/\r\n"
        b"Content-ID: <1@x>\r\n"
        b"Content-Description: what\r\n it is\r\n"
        b"Content-MD5: Q2hlY2s=\r\n"
        b"Content-Type: text/plain\r\n\r\n"
    )
    assert part.content_type == ("text", "html")
    assert part.parameters == ((b"charset", b"x"),)
    assert part.encoding == "base64"
    assert part.disposition == ("attachment", ((b"filename", b"a b"),))
    assert part.language == (b"de", b"en")
    assert (part.location, part.id) == (b"http://example.org/", b"<1@x>")
    assert (part.description, part.md5) == (b"what it is", b"Q2hlY2s=")


@pytest.mark.parametrize(
    ("head", "in_digest", "kind"),
    [
        (b"\r\n", False, ("text", "plain")),
        (b"\r\n", True, ("message", "rfc822")),
        (b"Content-Type: nonsense\r\n\r\n", True, ("text", "plain")),
        (b"Content-Type: image/png\r\n\r\n", True, ("image", "png")),
    ],
)
def test_the_default_type(head: bytes, in_digest: bool, kind: tuple[str, str]) -> None:
    assert _described(head, in_digest=in_digest).content_type == kind


def test_a_bad_encoding_or_disposition_is_none() -> None:
    part = _described(b"Content-Transfer-Encoding: \xff\r\nContent-Disposition: ;\r\n\r\n")
    assert part.encoding == "7bit"
    assert part.disposition is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'multipart/mixed; boundary="a b "', b"a b"),
        (b"multipart/mixed; boundary*0=a; boundary*1=b", b"ab"),
        (b"multipart/mixed", None),
        (b'multipart/mixed; boundary=" "', None),
        (b"multipart/mixed; boundary=" + b"x" * 2048, b"x" * 2048),
        (b"multipart/mixed; boundary=" + b"x" * 2049, None),
        (b"multipart/mixed; boundary*=a%0Ab", None),
        (b"text/plain; boundary=a", None),
    ],
)
def test_boundary(value: bytes, expected: bytes | None) -> None:
    assert parts.boundary(_described(b"Content-Type: " + value + b"\r\n\r\n")) == expected


def test_unparsed_is_text() -> None:
    part = _described(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n")
    part.children.append(Part())
    parts.unparsed(part)
    assert (part.content_type, part.parameters, part.children) == (("text", "plain"), (), [])


def test_only_messages_keep_envelope_fields() -> None:
    head = b"Subject: s\r\nContent-ID: <1>\r\nReferences: <2>\r\n\r\n"
    assert set(parts.read_fields(head, is_message=False)) == {b"content-id"}
    assert set(parts.read_fields(head, is_message=True)) == {
        b"subject",
        b"content-id",
        b"references",
    }
