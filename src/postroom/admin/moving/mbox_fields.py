r"""Header fields that programs write into an mbox to keep flags there, and no part of messages.

``Status`` and ``X-Status`` (mutt, Dovecot, UW-IMAP), ``X-Keywords``, ``X-Mozilla-Status``
(Thunderbird). An export writes the first three for other programs, below one line of its own
that says everything exactly: a message may have fields of these names itself.
"""

from typing import Final

import msgspec

from postroom.admin.moving.source import keywords
from postroom.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

OWN: Final = b"X-Postroom-Message: "
MAX_HEAD: Final = 256 * 1024  # octets of header block that are searched

_FOREIGN: Final = (
    b"status", b"x-status", b"x-keywords", b"x-uid", b"x-imap", b"x-imapbase",
    b"x-mozilla-status", b"x-mozilla-status2", b"x-mozilla-keys", b"content-length",
)  # fmt: skip
_OURS: Final = (b"status:", b"x-status:", b"x-keywords:")
_STATUS: Final = {"R": SEEN}
_X_STATUS: Final = {"A": ANSWERED, "F": FLAGGED, "T": DELETED, "D": DRAFT}
_MOZILLA: Final = {0x1: SEEN, 0x2: ANSWERED, 0x4: FLAGGED, 0x8: DELETED}
_MOZILLA_FORWARDED: Final = 0x1000


class Kept(msgspec.Struct, frozen=True):
    """What an mbox says of a message. ``open``: its last line has no end."""

    flags: int = 0
    keywords: str = ""
    received: int | None = None
    open: bool = False
    is_internal: bool = False  # no message: what UW-IMAP keeps in the first place


def written(kept: Kept) -> bytes:
    """The lines of an export, which end in LF."""
    status = "".join(letter for letter, bit in _STATUS.items() if kept.flags & bit)
    further = "".join(letter for letter, bit in _X_STATUS.items() if kept.flags & bit)
    return (
        OWN
        + msgspec.json.encode(kept)
        + f"\nStatus: {status}O\nX-Status: {further}\nX-Keywords: {kept.keywords}\n".encode()
    )


def taken(head: bytes) -> tuple[Kept, bytes]:
    """What the header block of a message in an mbox says, and the block without that.

    Lines end in LF. What follows the header block may stand behind it.
    """
    if head.startswith(OWN):
        own, _, rest = head.partition(b"\n")
        try:
            kept = msgspec.json.decode(own[len(OWN) :], type=Kept)
        except msgspec.DecodeError:
            pass
        else:
            return kept, _without_ours(rest)
    return _foreign(head)


def _without_ours(head: bytes) -> bytes:
    rest = head
    for field in _OURS:
        line, end, after = rest.partition(b"\n")
        if not end or not line.lower().startswith(field):
            return head
        rest = after
    return rest


def _foreign(head: bytes) -> tuple[Kept, bytes]:
    end = head.find(b"\n\n") + 1 or len(head)
    if head.startswith(b"\n"):
        return Kept(), head
    fields: dict[bytes, bytes] = {}
    lines: list[bytes] = []
    name = b""
    for line in head[:end].splitlines(keepends=True):
        if not line.startswith((b" ", b"\t")):
            name = line.partition(b":")[0].strip().lower() if b":" in line else b""
            if name in _FOREIGN:
                fields.setdefault(name, line.partition(b":")[2].strip())
        if name not in _FOREIGN:
            lines.append(line)
    return _kept(fields), b"".join(lines) + head[end:]


def _kept(fields: dict[bytes, bytes]) -> Kept:
    flags, words = 0, []
    for field, letters in ((b"status", _STATUS), (b"x-status", _X_STATUS)):
        for letter in fields.get(field, b"").decode("latin-1"):
            flags |= letters.get(letter, 0)
    try:
        mozilla = int(fields.get(b"x-mozilla-status", b"0")[:8], 16)
    except ValueError:
        mozilla = 0
    for bit, flag in _MOZILLA.items():
        flags |= flag if mozilla & bit else 0
    if mozilla & _MOZILLA_FORWARDED:
        words.append("$Forwarded")
    for field in (b"x-keywords", b"x-mozilla-keys"):
        words += fields.get(field, b"").decode("latin-1").replace(",", " ").split()
    return Kept(flags, keywords(words), is_internal=b"x-imap" in fields)
