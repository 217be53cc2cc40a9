"""The content of a part as text: transfer encoding and charset undone, by blocks.

Broken base64 and quoted-printable yield what can be read of them; nothing raises. HTML
comes out as it stands. Memory is bounded by the block.

RFC 2045 §6.7, §6.8.
"""

import binascii
import codecs
import re
from typing import Final

from postroom.message.charset import codec_of, decode, decode_base64, is_guess, parameter
from postroom.message.part import Part

MAX_BLANKS: Final = 990  # octets of white space that may stand before a soft line break

_SOFT_BREAK: Final = re.compile(rb"=[ \t]{0,990}+\r?\n")
_NO_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,990}+\r?\n)")
_UNFINISHED: Final = re.compile(rb"=(?:[0-9A-Fa-f]|[ \t]{0,990}+\r?)\Z")
_WITHOUT_MARK: Final = {"utf_16": "utf_16_le", "utf_32": "utf_32_le"}
_NOT_ALPHABET: Final = bytes(
    octet
    for octet in range(256)
    if octet not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)


def decoded(part: Part, octets: bytes) -> str:
    """The whole body of a part as text."""
    raw = transferred(part.encoding, octets)
    return decode(raw, parameter(part.parameters, "charset") or "")


def transferred(encoding: str, octets: bytes) -> bytes:
    """The octets behind a Content-Transfer-Encoding; unknown ones are left as they are."""
    decoder = TransferDecoder(encoding)
    return decoder.feed(octets) + decoder.finish()


class TransferDecoder:
    """Undo a transfer encoding block by block; the cuts do not matter."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._held = b""

    def feed(self, block: bytes) -> bytes:
        """The next octets, as far as they are complete."""
        if self._encoding == "base64":
            return self._base64(block)
        if self._encoding == "quoted-printable":
            return self._quoted(block)
        return block

    def finish(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        if self._encoding == "base64":
            return decode_base64(held)
        return _unquoted(held)

    def _base64(self, block: bytes) -> bytes:
        text = (self._held + block).translate(None, b"\r\n \t")
        if b"=" in text:
            end = text.rindex(b"=") + 1
            done, text = decode_base64(text[:end]), text[end:]
        else:
            done = b""
        return done + self._whole(text)

    def _whole(self, text: bytes) -> bytes:
        """Groups of four; what other octets stand among them is dropped first."""
        if not text.isalnum():
            text = text.translate(None, _NOT_ALPHABET)
        end = len(text) - len(text) % 4
        self._held = text[end:]
        return decode_base64(text[:end])

    def _quoted(self, block: bytes) -> bytes:
        text = self._held + block
        found = _UNFINISHED.search(text, max(0, len(text) - MAX_BLANKS - 2))
        end = found.start() if found else len(text)
        self._held = text[end:]
        return _unquoted(text[:end])


def _unquoted(text: bytes) -> bytes:
    """Quoted-printable; an equals sign that escapes nothing stays (RFC 2045 §6.7)."""
    if b"=" not in text:
        return text
    text = _NO_ESCAPE.sub(b"=3D", text)
    return binascii.a2b_qp(_SOFT_BREAK.sub(b"", text))


class TextDecoder:
    """The body of a part as text, block by block: for searching without holding it.

    Where the charset is not told it is UTF-8 up to the first octets that are none.
    """

    def __init__(self, part: Part) -> None:
        self._transfer = TransferDecoder(part.encoding)
        codec = codec_of(parameter(part.parameters, "charset") or "")
        self._codec = "utf_8" if codec is None or is_guess(codec) else codec
        self._decoder = _decoder(self._codec, "strict" if is_guess(codec) else "replace")

    def feed(self, block: bytes) -> str:
        """The next octets."""
        return self._text(self._transfer.feed(block), final=False)

    def finish(self) -> str:
        """What was held back."""
        return self._text(self._transfer.finish(), final=True)

    def _text(self, octets: bytes, *, final: bool) -> str:
        before = self._decoder.getstate()
        try:
            return self._decoder.decode(octets, final)
        except UnicodeError:  # no UTF-8, or UTF-16 without its byte order mark
            self._decoder = _decoder(_WITHOUT_MARK.get(self._codec, "latin_1"), "replace")
            return self._decoder.decode(before[0] + octets, final)


def _decoder(codec: str, errors: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(codec)(errors)
