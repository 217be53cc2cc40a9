r"""Octets to text: charsets by name, encoded words, parameters.

Only charsets of a closed list are looked up, under the names mail uses; others, and
octets that are wrong in theirs, come out as Latin-1 or as U+FFFD. Nothing raises. As in
browsers, iso-8859-1 is read as windows-1252, gb2312 as gb18030 and so on: their wider
forms are what senders mean. Adjacent encoded words of one charset are joined before
decoding, because senders cut inside characters.

RFC 2047, RFC 2231 §4, §5 (language in encoded words), RFC 2978 (names).
"""

import binascii
import encodings.aliases
import re
from typing import Final

from postroom.message import parameters
from postroom.message.parameters import Parameters

_WIDER: Final = {
    "ascii": "ascii",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_CODECS: Final = frozenset(
    {
        *("utf_8", "utf_7", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"),
        *(f"iso8859_{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
        *(f"cp125{number}" for number in range(9)),
        *("cp437", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858"),
        *("cp860", "cp861", "cp862", "cp863", "cp864", "cp865", "cp866", "cp869", "cp874"),
        *("koi8_r", "koi8_u", "koi8_t", "kz1048", "ptcp154", "hp_roman8"),
        *("mac_roman", "mac_cyrillic", "mac_greek", "mac_latin2", "mac_turkish", "mac_iceland"),
        *("gb18030", "hz", "big5hkscs", "cp950", "cp949", "johab", "iso2022_kr", "cp932"),
        *("euc_jp", "euc_jis_2004", "euc_jisx0213", "shift_jis_2004", "shift_jisx0213"),
        *("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3"),
        "iso2022_jp_ext",
    }
)
_NAMES: Final = {
    "unicode_1_1_utf_8": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "x_unknown": "cp1252",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_6_e": "iso8859_6",
    "ks_c_5601_1987": "cp949",
    "ks_c_5601": "cp949",
    "x_sjis": "cp932",
    "x_euc_jp": "euc_jp",
    "x_gbk": "gb18030",
    "x_big5": "big5hkscs",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "x_user_defined": "cp1252",
    "hz_gb_2312": "hz",
    **{name: codec for name, codec in encodings.aliases.aliases.items() if codec in _CODECS},
    **{name: _WIDER[codec] for name, codec in encodings.aliases.aliases.items() if codec in _WIDER},
    **{codec: codec for codec in _CODECS},
    **_WIDER,
}
_SEPARATORS: Final = re.compile(r"[^a-z0-9]+")
MAX_NAME: Final = 60

_ENCODED_WORD: Final = re.compile(
    rb"=\?([!#$%&'+\-0-9A-Z^_`a-z{|}~]++)(?:\*[^?\s]*+)?\?([BbQq])\?([^?]*+)\?="
)
_NOT_BASE64: Final = bytes(
    octet
    for octet in range(256)
    if octet not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)
_WHITE: Final = b" \t\r\n"


def codec_of(name: str) -> str | None:
    """The Python codec for a charset's name; None for a name we don't know."""
    if len(name) > MAX_NAME:
        return None
    key = _SEPARATORS.sub("_", name.lower()).strip("_")
    return _NAMES.get(key) or _NAMES.get(key.replace("_", ""))


def is_guess(codec: str | None) -> bool:
    """True when the name says nothing about octets above 127: no name, or us-ascii."""
    return codec is None or codec == "ascii"


def decode(octets: bytes, charset: str = "") -> str:
    """Text in a named charset; without one, or with an unknown one, UTF-8 or Latin-1."""
    codec = codec_of(charset) if charset else None
    if codec is None or codec == "ascii":
        if octets.isascii():
            return octets.decode("ascii")
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            return octets.decode("latin-1")
    return octets.decode(codec, "replace")


def decode_words(value: bytes) -> str:
    """Unstructured text with its encoded words decoded (RFC 2047 §6.1)."""
    if b"=?" not in value:
        return decode(value)
    pieces: list[str] = []
    pending: list[bytes] = []  # octets of adjacent words in one charset
    charset = b""
    at = 0
    while found := _ENCODED_WORD.search(value, at):
        between = value[at : found.start()]
        name, encoding, text = found.groups()
        is_adjacent = bool(pending) and not between.strip(_WHITE)
        if pending and not (is_adjacent and name.lower() == charset):
            pieces.append(decode(b"".join(pending), charset.decode("ascii")))
            pending = []
        if not is_adjacent and between:
            pieces.append(decode(between))
        charset = name.lower()
        pending.append(decode_base64(text) if encoding in b"Bb" else _decode_q(text))
        at = found.end()
    if pending:
        pieces.append(decode(b"".join(pending), charset.decode("ascii")))
    pieces.append(decode(value[at:]))
    return "".join(pieces)


def parameter(written: Parameters, name: str) -> str | None:
    """A parameter as text: RFC 2231 pieces joined, and encoded words, which many write."""
    found = parameters.lookup(written, name.lower().encode("utf-8", "replace"))
    if found is None:
        return None
    octets, charset = found
    if charset:
        return decode(octets, charset.decode("latin-1"))
    return decode_words(octets)


def _decode_q(text: bytes) -> bytes:
    if b"\n" in text:
        text = text.replace(b"\r", b"").replace(b"\n", b"")
    return binascii.a2b_qp(text, header=True)


def decode_base64(text: bytes) -> bytes:
    """What there is of base64: other octets are skipped, each padded run on its own."""
    runs = text.translate(None, _NOT_BASE64).split(b"=")
    return b"".join([_run(run) for run in runs if run])


def _run(run: bytes) -> bytes:
    rest = len(run) % 4
    if rest == 1:  # six bits are no octet
        run = run[:-1]
    elif rest:
        run += b"=" * (4 - rest)
    return binascii.a2b_base64(run)
