from hypothesis import given, strategies as st

from postroom.message.display import display
from postroom.message.scan import scan
from tests.web.mail.letters import PLAIN, RICH


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    whole = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts)
    return b"Content-Type: multipart/" + kind + b"; boundary=x\r\n\r\n" + whole + b"--x--\r\n"


def part(kind: bytes, more: bytes = b"") -> bytes:
    return b"Content-Type: " + kind + b"\r\n" + more + b"\r\nwords"


def test_a_text_alone_is_part_one() -> None:
    shown = display(scan(PLAIN))
    (said,) = shown.said
    assert said.plain is not None
    assert said.plain.path == (1,)
    assert (shown.files, shown.has_html) == ((), False)


def test_two_forms_are_one_text_and_its_images_are_no_files() -> None:
    shown = display(scan(RICH))
    (said,) = shown.said
    assert said.plain is not None
    assert said.html is not None
    assert (said.plain.path, said.html.path) == ((1, 1, 1), (1, 1, 2))
    assert list(shown.images) == ["logo@shop.test"]
    assert [(one.path, one.name) for one in shown.files] == [((2,), "price list.pdf")]


def test_the_last_html_is_the_best_and_texts_have_an_order() -> None:
    both = mixed(part(b"text/html"), part(b"text/html"), kind=b"alternative").replace(
        b"--x", b"--y"
    )
    letter = mixed(part(b"text/plain"), both.replace(b"=x", b"=y"), part(b"text/plain"))
    first, middle, last = display(scan(letter)).said
    assert first.plain is not None
    assert middle.html is not None
    assert last.plain is not None
    assert (first.plain.path, middle.html.path, last.plain.path) == ((1,), (2, 2), (3,))


def test_everything_else_is_a_file_with_a_name_that_is_one() -> None:
    letter = mixed(
        part(b"text/plain", b"Content-Disposition: attachment\r\n"),
        part(b'text/plain; name="C:\\\\dir\\\\note\xe2\x80\xae.txt"'),
        part(b"text/calendar"),
        part(b"message/rfc822"),
        part(b"image/png", b"Content-ID: <a@b>\r\n"),
        part(b'application/x; name="..  "'),
    )
    shown = display(scan(letter))
    assert shown.said == ()
    assert [one.name for one in shown.files] == [
        "part-1", "note.txt", "invitation.ics", "part-4.eml", "part-5", "part-6",
    ]  # fmt: skip


def test_an_empty_alternative_shows_nothing() -> None:
    shown = display(scan(mixed(part(b"image/png"), kind=b"alternative")))
    assert (shown.said, len(shown.files)) == ((), 1)


@given(st.binary(max_size=400))
def test_whatever_comes_has_a_display(octets: bytes) -> None:
    for start in (b"", b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"):
        for leaf in display(scan(start + octets)).files:
            assert leaf.name
            assert "/" not in leaf.name
