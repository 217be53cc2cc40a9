import msgspec
import pytest

from postroom.message.scan import scan
from postroom.message.section import part_at, section_range
from tests.message import letters


class Section(msgspec.Struct, frozen=True):
    path: tuple[int, ...] = ()
    piece: str = ""


def _found(octets: bytes, text: str) -> bytes | None:
    *numbers, last = text.split(".") if text else [""]
    path = [int(number) for number in numbers if number.isdigit()]
    piece = "" if last.isdigit() else last
    if last.isdigit():
        path.append(int(last))
    span = section_range(scan(octets), Section(tuple(path), piece))
    return octets[span[0] : span[1]] if span else None


def test_the_letter_itself() -> None:
    head, _, body = letters.NESTED.partition(b"\r\n\r\n")
    assert _found(letters.NESTED, "") == letters.NESTED
    assert _found(letters.NESTED, "HEADER") == head + b"\r\n\r\n"
    assert section_range(scan(letters.NESTED), Section((), "HEADER.FIELDS")) == (0, len(head) + 4)
    assert _found(letters.NESTED, "TEXT") == body
    assert _found(letters.NESTED, "MIME") is None


@pytest.mark.parametrize(
    ("section", "content"),
    [
        ("1", b"1"),
        ("1.MIME", b"Content-Type: text/plain\r\n\r\n"),
        ("2", b"2"),
        ("3.1", b"3.1"),
        ("3.2", b"3.2"),
        ("3.2.MIME", b"Content-Type: application/octet-stream\r\n\r\n"),
        ("4.1", b"4.1"),
        ("4.1.MIME", b"Content-Type: image/gif\r\n\r\n"),
        ("4.2.1", b"4.2.1"),
        ("4.2.2.1", b"4.2.2.1"),
        ("4.2.2.2", b"4.2.2.2"),
        ("3.MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        (
            "3.HEADER",
            b"Subject: three\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n",
        ),
        (
            "4.2.HEADER",
            b"Subject: four two\r\nContent-Type: multipart/mixed; boundary=D\r\n\r\n",
        ),
        ("1.HEADER", None),
        ("1.TEXT", None),
        ("4.HEADER", None),
        ("1.1", None),
        ("0", None),
        ("5", None),
        ("3.3", None),
        ("3.1.1", None),
        ("4.2.2.3", None),
    ],
)
def test_the_example_of_rfc_3501(section: str, content: bytes | None) -> None:
    """RFC 3501 §6.4.5 numbers a letter of this shape."""
    assert _found(letters.NESTED, section) == content


def test_texts_of_messages() -> None:
    text = _found(letters.NESTED, "3.TEXT")
    assert text is not None
    assert text.startswith(b"--B\r\n")
    assert text.endswith(b"--B--")
    head = _found(letters.NESTED, "3.HEADER")
    assert head is not None
    assert _found(letters.NESTED, "3") == head + text
    assert (_found(letters.NESTED, "4") or b"").startswith(b"--C\r\n")


def test_a_letter_without_parts_has_part_1() -> None:
    head, body = letters.SIMPLE[:-17], letters.SIMPLE[-17:]
    assert _found(letters.SIMPLE, "1") == body
    assert _found(letters.SIMPLE, "1.MIME") == head
    for section in ("2", "1.1", "1.HEADER", "1.TEXT"):
        assert _found(letters.SIMPLE, section) is None


def test_a_letter_that_is_a_message() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx"
    assert _found(octets, "1") == b"Subject: in\r\n\r\nx"
    assert _found(octets, "1.HEADER") == b"Subject: in\r\n\r\n"
    assert _found(octets, "1.1") == _found(octets, "1.TEXT") == b"x"
    assert _found(octets, "1.2") is None


def test_part_at() -> None:
    root = scan(letters.NESTED)
    assert part_at(root, ()) is root
    assert part_at(root, (4, 2, 2)) is root.children[3].children[1].message.children[1]  # type: ignore[union-attr]
