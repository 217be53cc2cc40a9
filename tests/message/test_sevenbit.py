import email
import email.policy

import pytest
from hypothesis import given, settings, strategies as st

from postroom.message.content import transferred
from postroom.message.headers import MAX_HEADER, split, value
from postroom.message.part import Part
from postroom.message.scan import MAX_DEPTH, MAX_PARTS, scan
from postroom.message.sevenbit import NotConvertible, convert
from postroom.message.sevenbit_encode import is_clean
from tests.message import letters

E_ACUTE = "é".encode()


def _crlf(text: str) -> bytes:
    return text.encode().replace(b"\n", b"\r\n")


def _converted(octets: bytes) -> bytes:
    result = convert(*split(octets))
    whole = result.head + result.body
    assert split(whole) == (result.head, result.body)
    assert is_clean(whole)
    assert _shape(whole) == _shape(octets)
    return whole


def _shape(octets: bytes) -> list[object]:
    """What a reader sees: the types and the decoded contents, in order."""
    return [
        (part.content_type, part.parameters, len(part.children), _content(octets, part))
        for part in letters.walk(scan(octets))
    ]


def _content(octets: bytes, part: Part) -> bytes | None:
    if part.children or part.message:
        return None
    return transferred(part.encoding, octets[part.body_start : part.end])


def _reason(octets: bytes) -> str:
    with pytest.raises(NotConvertible) as caught:
        convert(*split(octets))
    return caught.value.reason


def test_a_text() -> None:
    assert _converted(
        _crlf(
            "From: a@example.org\n"
            "MIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\n"
            "Content-Transfer-Encoding: 8bit\n"
            "X-Last: 1\n"
            "\n"
            "Grüße = hi \n--b\n"
        )
    ) == _crlf(
        "From: a@example.org\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\n"
        "X-Last: 1\n"
        "\n"
        "Gr=C3=BC=C3=9Fe =3D hi=20\n=2D-b\n"
    )


def test_a_message_without_mime_becomes_mime() -> None:
    """RFC 2045 §4: without MIME-Version nobody has to undo the encoding."""
    assert _converted(_crlf("A: b\n\né\n")) == _crlf(
        "A: b\nContent-Transfer-Encoding: quoted-printable\nMIME-Version: 1.0\n\n=C3=A9\n"
    )


@pytest.mark.parametrize(
    "octets",
    [b"", b"\r\n", b"A: b\r\n\r\ntext", letters.NESTED,
     b"Content-Transfer-Encoding: 8bit\r\n\r\nonly ASCII\r\n"],
)  # fmt: skip
def test_what_is_clean_stays_as_it_is(octets: bytes) -> None:
    assert _converted(octets) == octets


def test_a_message_global_is_encoded_as_a_whole() -> None:
    """RFC 6532 §3.7: unlike message/rfc822 it may be, so its header fields do not hinder."""
    head = "MIME-Version: 1.0\nContent-Type: message/global\nContent-Transfer-Encoding: "
    result = convert(*split(_crlf(head + "8bit\n\nSubject: ü\n\ntext é\n")))
    assert result.head + result.body == _crlf(
        head + "quoted-printable\n\nSubject: =C3=BC\n\ntext =C3=A9\n"
    )


MIXED = _crlf(
    "MIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=b\n"
    "Content-Transfer-Encoding: 8bit\n"
    "\n"
    "preamble\n"
    "--b \n"
    "Content-Type: text/plain\n"
    "Content-Transfer-Encoding: 8bit\n"
    "\n"
    "clean, and called 8bit\n"
    "--b\n"
    "Content-Type: text/plain; charset=utf-8\n"
    "\n"
    "é\n"
    "--b\n"
    "Content-Type: application/octet-stream\n"
    "Content-Transfer-Encoding: binary\n"
    "\n"
    "é\n"
    "--b--\n"
    "epilogue\n"
)


def test_only_parts_that_need_it_are_changed() -> None:
    assert _converted(MIXED) == _crlf(
        "MIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "preamble\n"
        "--b \n"
        "Content-Type: text/plain\n"
        "Content-Transfer-Encoding: 8bit\n"
        "\n"
        "clean, and called 8bit\n"
        "--b\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\n"
        "\n"
        "=C3=A9\n"
        "--b\n"
        "Content-Type: application/octet-stream\n"
        "Content-Transfer-Encoding: base64\n"
        "\n"
        "w6k=\n"
        "\n"
        "--b--\n"
        "epilogue\n"
    )


def test_a_message_inside_is_converted_inside() -> None:
    inner = "Subject: inner\nContent-Type: text/html\n\n<p>é</p>\n"
    octets = _crlf(
        "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n"
        f"--b\nContent-Transfer-Encoding: binary\n\n{inner}--b\n\n{inner}--b--\n"
    )
    result = _converted(octets)
    first, second = scan(result).children
    assert result[first.header_start : first.body_start] == (
        b"Content-Transfer-Encoding: 7bit\r\n\r\n"
    )
    assert result[second.header_start : second.body_start] == b"\r\n"
    for child in (first, second):
        assert child.message is not None
        assert result[child.message.header_start : child.message.end] == _crlf(
            "Subject: inner\nContent-Type: text/html\n"
            "Content-Transfer-Encoding: quoted-printable\nMIME-Version: 1.0\n\n<p>=C3=A9</p>"
        )


def test_long_lines_are_encoded() -> None:
    octets = b"A: b\r\n\r\n" + b"x" * 999 + b"\r\n"
    assert scan(_converted(octets)).encoding == "quoted-printable"
    octets = b"Content-Type: application/pdf\r\n" + octets
    assert scan(_converted(octets)).encoding == "base64"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        (b"base64", b"QUJD" * 500),
        (b"quoted-printable", b"=41" * 500),
        (b"quoted-printable", b"=41\xc3\xa9=2D-b\r\n"),
        (b"base64", b"\xff\xfeQUJD"),
    ],
)
def test_what_is_encoded_badly_is_encoded_well(encoding: bytes, content: bytes) -> None:
    octets = b"Content-Transfer-Encoding: %b\r\n\r\n%b" % (encoding, content)
    assert scan(_converted(octets)).encoding == encoding.decode()


@pytest.mark.parametrize("content", [b"a\nb", b"a\rb\r\n", b"\0", b"\r\n\n"])
def test_nul_and_single_line_ends_are_encoded(content: bytes) -> None:
    assert content not in _converted(b"A: b\r\n\r\n" + content)


@pytest.mark.parametrize("kind", ["global", "global-headers", "delivery-status", "news"])
def test_other_types_of_message_are_encoded(kind: str) -> None:
    """RFC 6532 §3.7 and RFC 6533 §6 allow it for theirs."""
    octets = _crlf(f"Content-Type: message/{kind}\n\nSubject: é\n")
    head, body = split(octets)
    result = convert(head, body)
    whole = result.head + result.body
    assert is_clean(whole)
    part = scan(whole)
    assert (part.content_type, part.encoding) == (("message", kind), "quoted-printable")
    assert _content(whole, part) == body  # encoded, it is not looked into any more


@pytest.mark.parametrize(
    ("unclean", "kept"),
    [
        (f"Content-Type: multipart/mixed; boundary=b\n\né {'x' * 990}\n--b\n\nx\n--b--",
         "--b\n\nx\n--b--"),
        (f"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n{'x' * 999}\né",
         "--b\n\nx\n--b--\n"),
        ("Content-Type: multipart/mixed; boundary=b\n\né\n--b\n--b",
         "--b\n--b"),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b{0}\n\nx\n--b\t{0}\n\n--b--{0}".format(
            " " * 1000), "--b\n\nx\n--b\n\n--b--"),
    ],
)  # fmt: skip
def test_an_unclean_preamble_or_epilogue_goes(unclean: str, kept: str) -> None:
    result = _converted(_crlf(unclean))
    assert result == _crlf(
        f"Content-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n{kept}"
    )


def test_a_preamble_can_not_be_cut_into_a_delimiter() -> None:
    filling = "x" * 998
    for preamble in (f"{filling}--b", f"é{filling[:-2]}--b", "--é"):
        octets = _crlf(
            f"Content-Type: multipart/mixed; boundary=b\n\n{preamble}\n--b\n\nx\n--b--\n"
        )
        assert len(scan(_converted(octets)).children) == 1


def test_an_encoded_line_can_not_become_a_delimiter() -> None:
    octets = _crlf(
        'Content-Type: multipart/mixed; boundary="x=C3=A9"\n\n'
        f"--x=C3=A9\n\n--xé\n{'y' * 73}é--x=C3=A9\n--x=C3=A9--\n"
    )
    assert len(scan(_converted(octets)).children) == 1


def test_long_header_lines_are_folded() -> None:
    octets = b"References: " + b"<1@example.org> " * 100 + b"\r\nSubject: x\r\n\r\n"
    result = _converted(octets)
    assert value(result, b"references") == value(octets, b"references")
    assert b"MIME-Version" not in result


SIGNED = (
    "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s\n\n{preamble}--s\n"
    "Content-Type: multipart/mixed; boundary=b\n\n{inner}--b\n{head}\n{text}\n--b--\n{after}"
    "--s\nContent-Type: application/pgp-signature\n\nsignature\n--s--\n{epilogue}"
)


def _signed(**changes: str) -> bytes:
    values = dict.fromkeys(("preamble", "inner", "head", "text", "after", "epilogue"), "")
    return _crlf(SIGNED.format(**(values | changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "é"},
        {"text": "x" * 999},
        {"inner": "é\n"},
        {"after": "é\n"},
        {"head": f"X: {'x ' * 500}\n"},
    ],
)
def test_what_is_signed_is_never_changed(changes: dict[str, str]) -> None:
    assert _reason(_signed(**changes)) == "signed"


def test_around_what_is_signed() -> None:
    octets = _signed(preamble="é\n", epilogue="é\n", text="clean")
    result = _converted(octets)
    start, end = octets.index(b"--s\r\n"), octets.index(b"--s--")
    assert octets[start:end] in result
    assert _converted(_signed(text="clean")) == _signed(text="clean")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Subject: é\n\n", "utf8-header"),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\nX: é\n\nx\n--b--\n", "utf8-header"),
        ("Content-Type: message/rfc822\n\nSubject: é\n\nx\n", "utf8-header"),
        (f"X: {'x' * 999}\n\n", "long-header"),
        ("X: a\0b\n\n", "line-ends"),
        ("X: a\rb\n\n", "line-ends"),
        ("Content-Type: multipart/mixed\n\né", "structure"),
        ("Content-Type: multipart/mixed; boundary=b\n\né", "structure"),
        ("Content-Type: multipart/mixed; boundary*=utf-8''%C3%A9\n\n--é\n\nx\n--é--", "structure"),
        ("Content-Type: message/partial; id=x\n\né", "encoding"),
        ("Content-Type: message/external-body\n\né", "encoding"),
        ("Content-Transfer-Encoding: x-uuencode\n\né", "encoding"),
        ("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nX: y\n\né",
         "encoding"),
        ("A: b\n" * (MAX_HEADER // 5) + "\né", "structure"),
    ],
)  # fmt: skip
def test_what_can_not_be_converted(text: str, reason: str) -> None:
    assert _reason(_crlf(text)) == reason


def test_the_reason_has_a_status_and_words() -> None:
    with pytest.raises(NotConvertible, match="need SMTPUTF8") as caught:
        convert(*split(_crlf("Subject: é\n\n")))
    assert caught.value.status == "5.6.9"
    with pytest.raises(NotConvertible, match="signed part") as caught:
        convert(*split(_signed(text="é")))
    assert caught.value.status == "5.6.3"


def _deep(levels: int) -> bytes:
    opened = [
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(levels)
    ]
    return b"".join(opened) + b"\r\n" + E_ACUTE


def test_bounds_of_the_scanner() -> None:
    assert _converted(_deep(MAX_DEPTH - 2)).endswith(b"=C3=A9")
    assert _reason(_deep(2 * MAX_DEPTH)) == "structure"
    many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * (MAX_PARTS + 9)
    assert _reason(many + E_ACUTE) == "structure"


def _payloads(octets: bytes) -> list[bytes]:
    """The contents as another reader sees them, but for line breaks at their ends."""
    found = []
    for part in email.message_from_bytes(octets, policy=email.policy.default).walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found.append(payload.rstrip())
    return found


def test_the_standard_library_reads_the_same() -> None:
    assert len(_payloads(MIXED)) == 3
    assert _payloads(MIXED) == _payloads(_converted(MIXED))


def test_the_public_vectors() -> None:
    for path in letters.vector_files():
        octets = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        try:
            result = convert(*split(octets))
        except NotConvertible:
            continue
        assert is_clean(result.head + result.body)
        assert _shape(result.head + result.body) == _shape(octets)


_CHUNKS = [
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: multipart/signed; boundary=aa\r\n",
    b"Content-Type: multipart/digest; boundary=c\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: application/pdf\r\n",
    b"Content-Transfer-Encoding: 8bit\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"\r\n",
    b"\r\n--a\r\n",
    b"\r\n--a--\r\n",
    b"\r\n--aa\r\n",
    b"\r\n--aa--\r\n",
    b"\r\n--c\r\n",
    b"\r\n--c--\r\n",
    b"A: b\r\n",
    b"\xc3\xa9",
    b"x" * 500,
    b" ",
    b"--a",
    b"=3D=\r\n",
]


@given(
    st.one_of(
        st.lists(st.sampled_from(_CHUNKS), max_size=40).map(b"".join),
        st.tuples(
            st.sampled_from(_CHUNKS[:3]), st.lists(st.sampled_from(_CHUNKS[8:]), max_size=40)
        ).map(lambda made: made[0] + b"\r\n" + b"".join(made[1])),
        letters.octets,
    )
)
@settings(max_examples=400)
def test_any_octets(octets: bytes) -> None:
    try:
        result = convert(*split(octets))
    except NotConvertible:
        return
    whole = result.head + result.body
    assert is_clean(whole)
    assert _shape(whole) == _shape(octets)
    again = convert(result.head, result.body)
    assert (again.head, again.body) == (result.head, result.body)
