"""The lines that we put on a message.

``received`` goes on top of the blob, which all recipients share; ``prefix`` is what each
local recipient gets of his own, before the blob.

RFC 5321 §4.4 (Received, Return-Path), RFC 9228 (Delivered-To).
"""

from typing import Final

import msgspec

from postroom.db.ids import to_text
from postroom.intake.peer import Peer
from postroom.message import dates, trace

_OTHERS: Final = {"api": "HTTP", "fetch-imap": "IMAP", "fetch-pop3": "POP3"}


class Session(msgspec.Struct):
    """What a session's Received fields have in common; ``host`` is the peer's verified name.

    ``is_inside``: the message has been here before, and is not received again. ``mechanism`` is the
    one of SASL by which somebody has logged in.
    """

    peer: Peer
    hostname: str
    helo: str = ""
    is_esmtp: bool = True
    authenticated: bool = False
    host: str = ""
    is_inside: bool = False
    mechanism: str = ""


def received(
    session: Session, ident: int, now: int, *, recipient: str | None, smtputf8: bool
) -> bytes:
    """The Received field; ``recipient`` when the message has just one."""
    peer = session.peer
    return trace.received(
        trace.Client(session.helo, peer.address, session.host),
        by=session.hostname,
        protocol=_OTHERS.get(peer.door)
        or trace.protocol_name(
            lmtp=peer.is_lmtp,
            esmtp=session.is_esmtp,
            utf8=smtputf8,
            tls=bool(peer.tls),
            authenticated=session.authenticated,
        ),
        ident=to_text(ident),
        date=dates.write(now),
        tls=peer.tls,
        recipient=recipient,
    )


def prefix(sender: str, recipient: str) -> bytes:
    """Return-Path and Delivered-To of a local recipient; ``sender`` "" is the null path."""
    return trace.return_path(sender) + trace.delivered_to(recipient)
