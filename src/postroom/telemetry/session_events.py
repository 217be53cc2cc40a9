"""The facts that belong to a connection: who came, what was refused, how it ended.

What a peer set comes after its address, so that no tool that looks for addresses can be misled by
it. All other facts, and what holds for every one: ``events``.
"""

from typing import ClassVar

from postroom.telemetry.event import Level, SessionEvent


class ConnectionClosed(SessionEvent, frozen=True, kw_only=True, tag="connection.closed"):
    """A connection ended. ``reason`` is empty after an orderly end."""

    limited: ClassVar[bool] = True
    reason: str = ""
    seconds: float = 0.0


class ConnectionOpened(SessionEvent, frozen=True, kw_only=True, tag="connection.opened"):
    """A peer connected."""

    limited: ClassVar[bool] = True


class ConnectionRefused(SessionEvent, frozen=True, kw_only=True, tag="connection.refused"):
    """A peer was turned away at once: too many connections, or banned."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    reason: str


class LoginFailed(SessionEvent, frozen=True, kw_only=True, tag="login.failed"):
    """Somebody failed to log in; the peer learns no ``reason``, the operator does."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    login: str
    mechanism: str = ""
    reason: str


class LoginSucceeded(SessionEvent, frozen=True, kw_only=True, tag="login.succeeded"):
    """Somebody logged in."""

    account: str
    mechanism: str = ""


class MessageAccepted(SessionEvent, frozen=True, kw_only=True, tag="message.accepted"):
    """A message is ours; its story is in the ledger under ``queue_id``."""

    queue_id: str
    sender: str
    recipients: int
    size: int
    message_id: str = ""


class MessageRefused(SessionEvent, frozen=True, kw_only=True, tag="message.refused"):
    """A message was refused at its end."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    status: str
    sender: str
    recipients: tuple[str, ...] = ()
    message_id: str = ""
    reason: str


class PeerBanned(SessionEvent, frozen=True, kw_only=True, tag="peer.banned"):
    """An address failed too often and is turned away for a while."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    seconds: int
    reason: str


class PeerSuspected(SessionEvent, frozen=True, kw_only=True, tag="peer.suspected"):
    """Something speaks against a client that brings mail: ``reasons``, with their scores."""

    limited: ClassVar[bool] = True
    score: int
    reasons: tuple[str, ...]


class RateExceeded(SessionEvent, frozen=True, kw_only=True, tag="rate.exceeded"):
    """A stranger has brought more than the rates allow, and was put off or turned away."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    what: str
    whose: str


class RecipientGreylisted(SessionEvent, frozen=True, kw_only=True, tag="recipient.greylisted"):
    """A suspicious client has to come again with its message for this recipient."""

    limited: ClassVar[bool] = True
    score: int
    sender: str
    recipient: str


class RecipientRefused(SessionEvent, frozen=True, kw_only=True, tag="recipient.refused"):
    """We said no to a recipient; ``reason`` is for the operator."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    status: str
    sender: str = ""
    recipient: str
    reason: str


class SenderRefused(SessionEvent, frozen=True, kw_only=True, tag="sender.refused"):
    """We said no to a sender; ``reason`` is for the operator."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    status: str
    sender: str
    reason: str


class SessionFailed(SessionEvent, frozen=True, kw_only=True, tag="session.failed"):
    """A fault of ours ended a command; the peer was told to try again."""

    level: ClassVar[Level] = "error"
    limited: ClassVar[bool] = True
    traceback: str


class TlsFailed(SessionEvent, frozen=True, kw_only=True, tag="tls.failed"):
    """A TLS handshake failed."""

    limited: ClassVar[bool] = True
    reason: str
