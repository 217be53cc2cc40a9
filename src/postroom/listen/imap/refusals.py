"""Errors of ``access`` as tagged responses (response codes of RFC 5530, 4469, 3516)."""

from typing import Final

from postroom.access.append import TooBig
from postroom.access.binary import UnknownEncoding
from postroom.blobs.damage import BlobCorrupt
from postroom.errors import (
    AlreadyExists,
    Invalid,
    MailboxFull,
    MailError,
    NotAllowed,
    NotFound,
    Permanent,
    Refused,
)
from postroom.post.commit import Expunged
from postroom.protocol.imap.session import Condition, Session
from postroom.store import annotations
from postroom.store.uses import BadUse

NONEXISTENT: Final = b"NONEXISTENT"
TRYCREATE: Final = b"TRYCREATE"  # RFC 3501 §6.3.11, §6.4.7

_CODES: Final[tuple[tuple[type[Exception], bytes], ...]] = (
    (AlreadyExists, b"ALREADYEXISTS"),
    (NotAllowed, b"NOPERM"),
    (BadUse, b"USEATTR"),  # RFC 6154 §5.3
    (annotations.TooLong, b"METADATA MAXSIZE %d" % annotations.MAX_VALUE),  # RFC 5464 §4.3
    (annotations.TooMany, b"METADATA TOOMANY"),
    (annotations.NoRoom, b"OVERQUOTA"),
    (Invalid, b"CANNOT"),
    (Refused, b"CANNOT"),
    (MailboxFull, b"OVERQUOTA"),
    (BlobCorrupt, b"CORRUPTION"),
    (TooBig, b"TOOBIG"),
    (UnknownEncoding, b"UNKNOWN-CTE"),
    (Expunged, b"EXPUNGEISSUED"),
    (Permanent, b"LIMIT"),
    (MailError, b"UNAVAILABLE"),
)


def refuse(session: Session, error: Refused | MailError, *, missing: bytes = NONEXISTENT) -> None:
    """Finish the command with NO; ``missing`` is the code for NotFound."""
    condition, text, code = answer_to(error, missing=missing)
    session.finish(condition, text, code)


def answer_to(
    error: Refused | MailError, *, missing: bytes = NONEXISTENT
) -> tuple[Condition, str, bytes]:
    """Condition, text and response code for an error."""
    text = error.text if isinstance(error, MailError) else _sentence(str(error))
    if isinstance(error, NotFound):
        return "NO", text, missing
    return "NO", text, next(code for kind, code in _CODES if isinstance(error, kind))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
