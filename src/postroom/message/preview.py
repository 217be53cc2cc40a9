"""The preview of a message: the first words that its author wrote, for lists of messages.

The first part with something to read is taken: plain text before HTML where both are
offered, no attachment, nothing from messages inside and nothing that is encrypted. What is
quoted, the line that introduces a quote and the signature are left out, unless there is
nothing else. White space is folded, invisible characters are dropped.

RFC 8970.
"""

import re
from collections.abc import Iterator
from typing import Final

from postroom.message.content import TextDecoder
from postroom.message.htmltext import html_text
from postroom.message.part import Part
from postroom.message.scan import scan

MOST: Final = 200  # characters, RFC 8970 §3.1
ENOUGH: Final = 256 * 1024  # octets of a message in which its text is looked for
MAX_ENCODED: Final = 128 * 1024  # octets of one part
MAX_TEXT: Final = 16 * 1024  # characters of a text

_LEAST_CUT: Final = 160  # a word is cut in two only if it begins before
_FILLERS: Final = "\u200c\u200d\u034f"  # joiners; words of nothing else pad what is unseen
_INVISIBLE: Final = dict.fromkeys(
    (
        *range(9),
        *range(0x0E, 0x20),
        *range(0x7F, 0xA0),
        *(0xAD, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    )
)
_SEPARATOR: Final = re.compile(r"-{3,}[^-].{0,60}-{3,}|_{10,}")
_DATED: Final = re.compile(r"[0-9]{4}|@")
_ATTRIBUTION: Final = re.compile(
    r"[0-9]{4}|@|wrote|schrieb|écrit|escribió|escreveu|scritto|schreef|skrev|napisał|писал"
)
_MAX_ATTRIBUTION: Final = 3  # lines
_ENCRYPTED: Final = "-----BEGIN PGP MESSAGE"
_SIGNED: Final = "-----BEGIN PGP SIGNED"
_SIGNATURE: Final = "-----BEGIN PGP SIGNATURE"


def preview(letter: bytes) -> str:
    """At most ``MOST`` characters of a message's text; "" when it has none.

    ``letter`` is a message, or as much of its beginning as is at hand.
    """
    for part in _readable(scan(letter)):
        octets = letter[part.body_start : min(part.end, part.body_start + MAX_ENCODED)]
        text = TextDecoder(part).feed(octets)  # a character that is cut at the end is held back
        if part.content_type[1] == "html":
            text = html_text(text)
        if found := summary(text):
            return found
    return ""


def summary(text: str) -> str:
    """What is the author's own of a text, folded and cut."""
    text = text[:MAX_TEXT]
    if text.lstrip().startswith(_ENCRYPTED):
        return ""
    lines = text.splitlines()
    return _cut(_own(lines)) or _cut([line.lstrip("> ") for line in lines])


def _readable(tree: Part) -> Iterator[Part]:
    """The parts with text to be shown, in the order in which to try them."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        major, minor = part.content_type
        if part.disposition is not None and part.disposition[0] == "attachment":
            continue
        if major == "multipart" and minor != "encrypted":
            children = part.children
            if minor == "alternative":
                children = sorted(children, key=lambda one: one.content_type != ("text", "plain"))
            waiting.extend(reversed(children))
        elif major == "text" and minor in ("plain", "html"):
            yield part


def _own(lines: list[str]) -> list[str]:
    own: list[str] = []
    is_quoted = False
    for line in lines:
        words = line.strip()
        if words.startswith(">"):
            if not is_quoted:
                _drop_attribution(own)
            is_quoted = True
            continue
        is_quoted = is_quoted and not words
        if words == "--" or words.startswith(_SIGNATURE):
            break
        if _SEPARATOR.fullmatch(words):
            if own and any(own):
                break
        elif not words.startswith((_SIGNED, "Hash: ")):
            own.append(words)
    return own


def _drop_attribution(own: list[str]) -> None:
    """Take away the lines that say whose words are quoted next."""
    while own and not own[-1]:
        own.pop()
    if not own or not own[-1].endswith(":"):
        return
    start = len(own) - 1
    while start and len(own) - start < _MAX_ATTRIBUTION and _DATED.search(own[start - 1]):
        start -= 1
    if _ATTRIBUTION.search(" ".join(own[start:])):
        del own[start:]


def _cut(lines: list[str]) -> str:
    text = " ".join(
        word for word in " ".join(lines).translate(_INVISIBLE).split() if word.strip(_FILLERS)
    )
    if len(text) > MOST:
        end = text.rfind(" ", _LEAST_CUT, MOST + 1)
        text = text[: end if end > 0 else MOST]
    return text.encode("utf-8", "replace").decode().rstrip()
