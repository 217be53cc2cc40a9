"""The closed list of facts that Postroom tells: each is a log line and a counter.

Nobody else writes log lines. A new fact is a new class here, or in ``session_events`` when it happens
in a connection, so that docs, metrics and trace know it. Passwords, AUTH exchanges and the contents
of messages never stand in an event.
"""

from typing import ClassVar

from postroom.telemetry.event import Event, Level


class AccountSuspected(Event, frozen=True, kw_only=True, tag="account.suspected"):
    """An account behaves as if somebody else had its password. ``held``: it sends no more."""

    level: ClassVar[Level] = "warning"
    account: str
    score: int
    reasons: tuple[str, ...]
    held: bool


class BackupFailed(Event, frozen=True, kw_only=True, tag="backup.failed"):
    """A backup of the timetable could not be taken; it is tried again in ten minutes."""

    level: ClassVar[Level] = "error"
    folder: str
    reason: str


class BackupTaken(Event, frozen=True, kw_only=True, tag="backup.taken"):
    """A backup of the timetable is whole."""

    folder: str
    files: int
    octets: int


class BlocklistListed(Event, frozen=True, kw_only=True, tag="blocklist.listed"):
    """A list holds an address that this server sends from. ``reason`` is what the list says."""

    level: ClassVar[Level] = "warning"
    zone: str
    address: str
    reason: str


class BlocklistUnusable(Event, frozen=True, kw_only=True, tag="blocklist.unusable"):
    """A list that is asked about our own addresses can't be believed, or not be asked."""

    level: ClassVar[Level] = "warning"
    zone: str
    reason: str


class CertificateFailed(Event, frozen=True, kw_only=True, tag="certificate.failed"):
    """The authority did not issue a certificate; it is tried again, the old one stays."""

    level: ClassVar[Level] = "warning"
    name: str
    reason: str


class CertificateIssued(Event, frozen=True, kw_only=True, tag="certificate.issued"):
    """A certificate has come from the authority; ``expires`` in UTC milliseconds."""

    name: str
    names: tuple[str, ...]
    expires: int


class ClockJumped(Event, frozen=True, kw_only=True, tag="clock.jumped"):
    """The wall clock moved by itself; nothing is returned for an hour, or deleted for its age for a day."""

    level: ClassVar[Level] = "warning"
    seconds: int


class DeliveryFailed(Event, frozen=True, kw_only=True, tag="delivery.failed"):
    """A fault of ours ended an attempt; the message waits, at the second time aside."""

    level: ClassVar[Level] = "error"
    limited: ClassVar[bool] = True
    queue_id: str = ""
    destination: str = ""
    traceback: str


class DeliveryProcessFailed(Event, frozen=True, kw_only=True, tag="delivery.process.failed"):
    """The delivery process did not start, or died; the server delivers by itself meanwhile."""

    level: ClassVar[Level] = "warning"
    reason: str


class DestinationPaused(Event, frozen=True, kw_only=True, tag="destination.paused"):
    """No server of a destination could be used; it is left alone for ``seconds``."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    destination: str
    seconds: int
    reason: str


class DnsTrouble(Event, frozen=True, kw_only=True, tag="dns.trouble"):
    """No DNS server answers, so that mail waits; or, ``is_back``, one answers again."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    reason: str
    is_back: bool = False


class EventsSuppressed(Event, frozen=True, kw_only=True, tag="events.suppressed"):
    """``count`` events ``of`` one kind were counted but not written in the last minute."""

    level: ClassVar[Level] = "warning"
    of: str
    count: int


class ExpungedPurged(Event, frozen=True, kw_only=True, tag="expunged.purged"):
    """The disk is below its reserve: deleted messages were purged before their time."""

    level: ClassVar[Level] = "warning"
    messages: int
    octets: int


class FilterFailed(Event, frozen=True, kw_only=True, tag="filter.failed"):
    """A filter did not judge a message; ``action``: accept (it went on without) or defer (451)."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    filter: str
    action: str
    reason: str


class FilterUnheeded(Event, frozen=True, kw_only=True, tag="filter.unheeded"):
    """A milter wants parameters of MAIL or RCPT that mean nothing here; the rest is done."""

    limited: ClassVar[bool] = True
    filter: str
    command: str
    what: str


class ListenerOpened(Event, frozen=True, kw_only=True, tag="listener.opened"):
    """A door is open."""

    protocol: str
    address: str
    port: int


class JobFailed(Event, frozen=True, kw_only=True, tag="job.failed"):
    """A fault of ours ended a step of a job of the server; it is tried again."""

    level: ClassVar[Level] = "error"
    job: str
    traceback: str


class KeyActivated(Event, frozen=True, kw_only=True, tag="key.activated"):
    """A new DKIM key was seen in the DNS and signs from now on."""

    domain: str
    selector: str


class ZoneChanged(Event, frozen=True, kw_only=True, tag="zone.changed"):
    """Records of a domain were written to its zone without being asked, for these ``uses``."""

    domain: str
    provider: str
    uses: tuple[str, ...]


class ZoneFailed(Event, frozen=True, kw_only=True, tag="zone.failed"):
    """Records could not be written to the zone of a domain; it is tried again."""

    level: ClassVar[Level] = "warning"
    domain: str
    reason: str


class LdapFailed(Event, frozen=True, kw_only=True, tag="ldap.failed"):
    """The LDAP server could not be asked about a password: that login failed for now."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    reason: str


class LoopLagged(Event, frozen=True, kw_only=True, tag="loop.lagged"):
    """The event loop was held up; something ran on it that should not have."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    milliseconds: int


class MailboxWarned(Event, frozen=True, kw_only=True, tag="mailbox.warned"):
    """An account came near its quota."""

    level: ClassVar[Level] = "warning"
    account: str
    percent: int


class MessageBounced(Event, frozen=True, kw_only=True, tag="message.bounced"):
    """A message can't be delivered to a recipient; its sender is told where that is right."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    apart: ClassVar[str] = "failure"
    queue_id: str
    host: str = ""
    status: str
    recipient: str
    reply: str
    failure: str = ""


class MessageDeferred(Event, frozen=True, kw_only=True, tag="message.deferred"):
    """An attempt failed; it is tried again in ``seconds``."""

    limited: ClassVar[bool] = True
    apart: ClassVar[str] = "failure"
    queue_id: str
    host: str = ""
    recipients: int
    destination: str
    seconds: int
    reply: str
    failure: str = ""


class MessageDelivered(Event, frozen=True, kw_only=True, tag="message.delivered"):
    """Another server has taken responsibility for a message."""

    queue_id: str
    host: str
    tls: str = ""
    recipients: int
    destination: str
    seconds: float
    reply: str


class MessagesExpired(Event, frozen=True, kw_only=True, tag="messages.expired"):
    """Messages were deleted from Junk and Trash, all accounts together: their time was over."""

    messages: int


class MessageQuarantined(Event, frozen=True, kw_only=True, tag="message.quarantined"):
    """A message was put aside; see `postroom queue show`, go on with `queue release`."""

    level: ClassVar[Level] = "error"
    queue_id: str
    reason: str


class DatabaseMade(Event, frozen=True, kw_only=True, tag="database.made"):
    """A new database with the schema of this program."""

    version: int


class MigrationDone(Event, frozen=True, kw_only=True, tag="migration.done"):
    """The schema moved to ``version``."""

    version: int
    name: str = ""
    snapshot: str = ""


class NoticeSuppressed(Event, frozen=True, kw_only=True, tag="notice.suppressed"):
    """A notice of delivery was not sent: ``reason``."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    queue_id: str
    recipient: str
    reason: str


class RecipientSuppressed(Event, frozen=True, kw_only=True, tag="recipient.suppressed"):
    """An address came onto the suppression list of an account; ``until`` "" is without end."""

    account: str
    recipient: str
    kind: str
    until: str
    queue_id: str = ""
    reason: str = ""


class SendingStopped(Event, frozen=True, kw_only=True, tag="sending.stopped"):
    """An account has sent to as many recipients as it may in 24 hours."""

    level: ClassVar[Level] = "warning"
    account: str
    recipients: int
    limit: int


class ServerStarted(Event, frozen=True, kw_only=True, tag="server.started"):
    """The server answers on all of its listeners."""

    version: str
    hostname: str
    data: str
    database: str = "sqlite"


class ServerStopping(Event, frozen=True, kw_only=True, tag="server.stopping"):
    """The server finishes what it has begun and goes."""

    reason: str


class SetupOffered(Event, frozen=True, kw_only=True, tag="setup.offered"):
    """Nobody has an account yet: the address opens the pages of setting up, once, for an hour."""

    level: ClassVar[Level] = "warning"
    address: str


class ReportReceived(Event, frozen=True, kw_only=True, tag="report.received"):
    """A report on a domain of ours came by mail; ``postroom reports`` shows it."""

    kind: str
    domain: str
    organization: str
    passed: int
    failed: int


class ReportSent(Event, frozen=True, kw_only=True, tag="report.sent"):
    """A daily report went to a domain that asks for it."""

    kind: str
    domain: str
    recipients: tuple[str, ...]


class StorageTrouble(Event, frozen=True, kw_only=True, tag="storage.trouble"):
    """The disk or the database failed us; what waited was answered 4yz."""

    level: ClassVar[Level] = "error"
    limited: ClassVar[bool] = True
    where: str = ""
    reason: str


class TokenCheckFailed(Event, frozen=True, kw_only=True, tag="token.check.failed"):
    """The authorization server could not be asked about an access token."""

    level: ClassVar[Level] = "warning"
    limited: ClassVar[bool] = True
    reason: str
