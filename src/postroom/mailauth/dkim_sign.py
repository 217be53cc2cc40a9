"""DKIM signatures: the fields that go on top of a message which leaves in our name.

``sign`` gives one DKIM-Signature field for each key, relaxed/relaxed with SHA-256, of a
header block and the hash of the body (``canonical.relaxed_body_hash``). It runs in place:
RSA costs about half a millisecond, so the caller leaves the event loop.

Every instance of a signed field is covered, the last first (RFC 6376 §5.4.2), and one more
that is not there, so that nobody can add another From, Subject or Reply-To in front (§8.15).
List fields and Sender are covered as they stand: a list may add its own. A message whose
signature would grow without bound, or that has no From, is not signed at all.

RFC 6376 §3.5 (tags), §3.7 (what is hashed), §5.4; RFC 8301 (SHA-256 only); RFC 8463 (Ed25519
beside RSA); RFC 8058 §4 (List-Unsubscribe and List-Unsubscribe-Post are to be covered).
Which domain signs, and with which keys, is decided by delivery.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from postroom.mailauth.canonical import relaxed_field
from postroom.mailauth.dkim_key import SigningKey
from postroom.message import headers

MAX_LINE: Final = 76  # octets of a line without its CRLF; a longer word stands alone
MAX_INSTANCES: Final = 100  # signed fields; an honest message has some twenty
DAY: Final = 86_400  # seconds

ALWAYS: Final = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"reply-to",
    b"in-reply-to",
    b"references",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)  # covered once more than they are there
IF_PRESENT: Final = (b"sender",)  # the same, but only when there is one
AS_THEY_STAND: Final = (
    b"list-id",
    b"list-post",
    b"list-help",
    b"list-subscribe",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-owner",
    b"list-archive",
    b"cfbl-feedback-id",
)
_SIGNED: Final = frozenset((*ALWAYS, *IF_PRESENT, *AS_THEY_STAND))


class Unsignable(ValueError):
    """The message can't be signed as it is; the text says why. It may leave unsigned."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key and the selector that names its record: ``<selector>._domainkey.<domain>``."""

    selector: str
    key: SigningKey


def sign(
    head: bytes,
    body_hash: bytes,
    signers: Sequence[Signer],
    *,
    domain: str,
    now_seconds: int,
    expire_days: int | None = None,
) -> bytes:
    """The DKIM-Signature fields with their CRLFs, one for each signer; they go on top.

    ``head`` is the header block as it will be sent, ``body_hash`` 32 octets, ``domain`` the
    A-label form. With ``expire_days`` the signatures carry ``x=``. Raises Unsignable.
    """
    names, octets = _covered(head)
    rest = [f"t={now_seconds};"]
    if expire_days is not None:
        rest.append(f"x={now_seconds + expire_days * DAY};")
    rest += f"h={':'.join(names)};".replace(":", ": ").split()
    rest.append(f"bh={_base64(body_hash)};")
    fields = []
    for signer in signers:
        tags = f"v=1; a={signer.key.algorithm}; c=relaxed/relaxed; d={domain}; s={signer.selector};"
        unsigned = _fold([*tags.split(), *rest])
        canonical = relaxed_field(b"DKIM-Signature", unsigned).removesuffix(b"\r\n")
        signature = _base64(signer.key.sign(octets + canonical))
        fields.append(b"DKIM-Signature:%b%b\r\n" % (unsigned, _broken(signature)))
    return b"".join(fields)


def _covered(head: bytes) -> tuple[list[str], bytes]:
    """The names for ``h=``, and the canonical octets of the fields that they choose."""
    found: dict[bytes, list[bytes]] = {}
    count = 0
    for field in headers.fields(head):
        if field.name in _SIGNED:
            count += 1
            if count > MAX_INSTANCES:
                raise Unsignable(f"more than {MAX_INSTANCES} fields would have to be signed")
            value = head[field.value_start : field.end]
            found.setdefault(field.name, []).append(relaxed_field(field.name, value))
    if b"from" not in found:
        raise Unsignable("the message has no From field, which every signature must cover")
    names: list[bytes] = []
    octets: list[bytes] = []
    for name in (*ALWAYS, *IF_PRESENT, *AS_THEY_STAND):
        instances = found.get(name, [])
        octets += reversed(instances)
        names += [name] * len(instances)
        if name in ALWAYS or (name in IF_PRESENT and instances):
            names.append(name)
    return [name.decode("ascii") for name in names], b"".join(octets)


def _fold(words: Sequence[str]) -> bytes:
    """The words as a field's value, with ``b=`` on a line of its own at the end.

    Names in ``h=`` follow each other without a blank; a line may break between them.
    """
    lines = []
    line = "DKIM-Signature:"
    after_colon = False
    for word in words:
        gap = "" if after_colon else " "
        if len(line) + len(gap) + len(word) > MAX_LINE and line != " ":
            lines.append(line)
            line, gap = " ", ""
        line += gap + word
        after_colon = word.endswith(":")
    lines += [line, " b="]
    return "\r\n".join(lines).encode("ascii").removeprefix(b"DKIM-Signature:")


def _broken(signature: str) -> bytes:
    """The base64 text in lines, to follow ``b=``."""
    first = MAX_LINE - len(" b=")
    width = MAX_LINE - 1
    rest = [signature[at : at + width] for at in range(first, len(signature), width)]
    return "\r\n ".join([signature[:first], *rest]).encode("ascii")


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
