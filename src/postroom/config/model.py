"""Every setting of ``postroom.toml``: its type, its default and what it means.

``docs/config.md`` is printed from here. A part of the program gets its own table, never
the whole ``Config``. Sizes are octets; names end in the unit of a time.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from postroom.config.acme import Acme
from postroom.config.alerts import Alerts
from postroom.config.api import Api
from postroom.config.audit import Audit
from postroom.config.authentication import Authentication
from postroom.config.backup import Backup
from postroom.config.connections import Connections, Dnsbl, Rates
from postroom.config.delivery import Delivery
from postroom.config.describe import without_passwords
from postroom.config.digest import Digest
from postroom.config.filing import Filing
from postroom.config.filters import Filter
from postroom.config.ldap import Ldap
from postroom.config.login import Login
from postroom.config.oauth import Oauth
from postroom.config.oidc import Oidc
from postroom.config.reports import Reports
from postroom.config.retention import Retention
from postroom.config.spam import Spam
from postroom.config.suppression import Suppression
from postroom.config.uploads import Uploads
from postroom.config.webhooks import Webhooks

ListenProtocol = Literal[
    "smtp",
    "submission",
    "submissions",
    "lmtp",
    "imap",
    "imaps",
    "pop3",
    "pop3s",
    "managesieve",
    "http",
    "https",
]
Auth = Literal["never", "tls", "plain"]
Console = Literal["text", "json", "none"]
Level = Literal["info", "warning", "error"]
Octets = Annotated[int, Meta(ge=0, le=1 << 53)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]

STANDARD_PORTS: Final[dict[ListenProtocol, int]] = {
    "smtp": 25,
    "submission": 587,
    "submissions": 465,
    "lmtp": 24,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "managesieve": 4190,
    "http": 80,
    "https": 443,
}


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A door: a protocol on an address and port. Without any, all standard ports but lmtp's."""

    protocol: Annotated[
        ListenProtocol,
        Meta(
            description="What is spoken. Names that end in s (submissions, imaps, pop3s, https) "
            "begin with TLS; the others offer STARTTLS."
        ),
    ]
    address: Annotated[
        str,
        Meta(
            description='An IPv4 or IPv6 address of this machine, or "localhost". '
            "Empty: every address."
        ),
    ] = ""
    port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="The TCP port. Default: the protocol's standard port. "
            "0: any free port, named in the log.",
        ),
    ]
    auth: Annotated[
        Auth | None,
        Meta(
            description='When people may log in: "never", inside "tls" only, or also in '
            '"plain" (on a loopback address only). Default: smtp never, all others tls.'
        ),
    ] = None
    checks: Annotated[
        Literal["full", "none"],
        Meta(
            description='"none" is for an inner network: no sender authentication, reputation '
            "or spam checks of what arrives here. At lmtp, behind another server of yours, "
            '"full" leaves out what the address of the client would tell: SPF and DMARC.'
        ),
    ] = "full"
    relay_from: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks that may send anywhere without a password, for old devices: "
            '["192.0.2.0/28"]. Nobody by default. For smtp and lmtp: submission asks for a login. '
            "A CR or LF that stands alone in what they send becomes CRLF; others are refused with it."
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Give ``auth`` its default, which depends on the protocol."""
        if self.auth is None:
            default = "never" if self.protocol == "smtp" else "tls"
            msgspec.structs.force_setattr(self, "auth", default)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False

    @property
    def is_implicit_tls(self) -> bool:
        """Whether TLS begins with the first octet (RFC 8314 §3)."""
        return self.protocol in {"submissions", "imaps", "pop3s", "https"}


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The certificate shown to peers. Until there is one, a self-signed one is made."""

    certificate: Annotated[
        str | None,
        Meta(description="PEM file with the certificate and its chain. Needs key too."),
    ] = None
    key: Annotated[str | None, Meta(description="PEM file with the private key.")] = None
    minimum: Annotated[
        Literal["1.2", "1.3"], Meta(description="The oldest version of TLS that is spoken.")
    ] = "1.2"
    mta_sts: Annotated[
        Literal["enforce", "testing", "none"],
        Meta(
            description="The MTA-STS policy that is served for own domains (RFC 8461): whether "
            "other servers must check our certificate, only report, or are told nothing. "
            "Before enforce the certificate must be valid for hostname."
        ),
    ] = "testing"
    client_ca_file: Annotated[
        str | None,
        Meta(
            description="PEM file with the authorities whose certificates let people log in "
            "without a password (SASL EXTERNAL): the mail address in the certificate is that of "
            "the account. Not asked for on smtp and lmtp."
        ),
    ] = None


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom to ask for names, and what names lead here."""

    servers: Annotated[
        tuple[str, ...],
        Meta(
            description='Addresses of resolvers, with a port where it is not 53: "127.0.0.1:5353", '
            '"[::1]:5353". Default: the system\'s.'
        ),
    ] = ()
    public_addresses: Annotated[
        tuple[str, ...],
        Meta(
            description="Under which addresses the Internet reaches this server, for the records "
            "that `postroom dns` prints. Default: those of this machine, or else those that DNS "
            "tells for hostname."
        ),
    ] = ()


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much one peer may ask for, and how long it may take. 0 means no limit where said."""

    max_message: Annotated[
        Octets,
        Meta(description="The largest message accepted, in octets. 0: no limit (RFC 1870)."),
    ] = 104_857_600
    max_recipients: Annotated[
        int,
        Meta(
            le=1_000_000,
            ge=100,
            description="Recipients of one message (RFC 5321 §4.5.3.1.8: >= 100).",
        ),
    ] = 1_000
    max_connections: Annotated[
        Count,
        Meta(
            description="Connections at one time, over all listeners; fewer where the process may "
            "not have so many open files and 256 more."
        ),
    ] = 10_000
    max_connections_per_ip: Annotated[
        Count,
        Meta(
            description="Connections at one time from one IPv4 address or IPv6 /64. "
            "Loopback is exempt.",
        ),
    ] = 50
    soft_errors: Annotated[
        Count, Meta(description="Errors in a session after which answers become slow.")
    ] = 10
    hard_errors: Annotated[
        Count, Meta(description="Errors in a session after which it is closed.")
    ] = 20
    login_failures: Annotated[
        Count, Meta(description="Failed logins in a connection after which it is closed.")
    ] = 5
    disk_reserve: Annotated[
        Octets,
        Meta(
            description="Octets that stay free on the disk of the data folder: below it new "
            "messages are put off with 452, and APPEND, COPY, imports and fetching from elsewhere "
            "are refused. To read, to move and to delete works always.",
        ),
    ] = 268_435_456
    hop_limit: Annotated[
        int,
        Meta(
            le=1_000_000,
            ge=20,
            description="Received fields after which a message is in a loop (RFC 5321 §6.3).",
        ),
    ] = 100
    smtp_idle_minutes: Annotated[
        Count, Meta(description="Wait for a command (RFC 5321 §4.5.3.2.7: 5 minutes).")
    ] = 5
    imap_idle_minutes: Annotated[
        Count, Meta(description="Wait for a command (RFC 9051 §5.4: 30 minutes).")
    ] = 30
    pop3_idle_minutes: Annotated[
        Count, Meta(description="Wait for a command (RFC 1939 §3: 10 minutes).")
    ] = 10
    managesieve_idle_minutes: Annotated[
        Count, Meta(description="Wait for a command (RFC 5804 §1.2: 30 minutes).")
    ] = 30
    login_seconds: Annotated[
        int,
        Meta(
            le=1_000_000,
            ge=10,
            description="Time for a TLS handshake, and to log in over IMAP, POP3 or ManageSieve.",
        ),
    ] = 60
    drain_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=3_600,
            description="Time that open sessions get to finish when the server stops.",
        ),
    ] = 20
    sends_per_day: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000_000,
            description="Recipients that one account may write to in 24 hours, so that a stolen "
            "password does little harm. 0: no limit. An account can have its own "
            "(postroom account set --send-limit).",
        ),
    ] = 2_000
    ledger_days: Annotated[
        Count,
        Meta(
            description="How long the story of a message is kept, and never shorter than it "
            "waits in the queue.",
        ),
    ] = 90
    undelete_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3_650,
            description="How long messages that were deleted from a mailbox can be had back with "
            "`postroom undelete`. They count to no quota; when the disk is below its reserve the "
            "oldest go earlier. 0: they can't be had back.",
        ),
    ] = 14


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What makes searching mail quick. Results are the same without it."""

    index: Annotated[
        bool,
        Meta(
            description="Keep the texts of messages once more, side by side, for searching: about "
            "a third of their size. When it is switched off they are deleted, and a search reads "
            "the messages themselves."
        ),
    ] = True
    max_text: Annotated[
        Octets,
        Meta(
            description="Octets of the body of one message that are kept so; of longer ones the "
            "whole is read when the text is not found in what is kept."
        ),
    ] = 4_194_304


class Sharing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What people may do with their mailboxes by themselves, with SETACL (RFC 4314)."""

    anyone: Annotated[
        bool,
        Meta(
            description="People may share their mailboxes with everybody who has an account here, "
            "or an address in a domain (anyone, @domain). The postmaster always may: "
            "postroom share."
        ),
    ] = False


class Sieve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Scripts that people filter their letters with (docs/filtering.md)."""

    max_scripts: Annotated[Count, Meta(description="Scripts that one account may have stored.")] = (
        100
    )
    max_script: Annotated[
        int,
        Meta(ge=1_024, le=262_144, description="The largest script that is stored, in octets."),
    ] = 65_536


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where events are written. What is not written is counted all the same."""

    level: Annotated[Level, Meta(description="The lowest level that is written.")] = "info"
    console: Annotated[
        Console, Meta(description="The form of the lines on standard error: text, json or none.")
    ] = "text"
    file: Annotated[
        bool,
        Meta(
            description="Write log/postroom.jsonl in the data folder. `postroom trace` finds "
            "refused messages there."
        ),
    ] = True
    file_size: Annotated[
        int,
        Meta(le=1 << 53, ge=65_536, description="Octets after which a log file is turned over."),
    ] = 16_777_216
    files_kept: Annotated[int, Meta(ge=0, le=999, description="Older log files that are kept.")] = 5


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole of ``postroom.toml``."""

    hostname: Annotated[
        str,
        Meta(
            description="The name of this server as the world sees it: in greetings, in Received "
            "fields and on the certificate. Default: the machine's full name."
        ),
    ]
    data: Annotated[
        str,
        Meta(
            description="The folder of everything: messages, accounts, keys, logs. A relative "
            "path begins at the folder of the file."
        ),
    ] = "/var/lib/postroom"
    database: Annotated[
        str | None,
        Meta(
            description="postgresql://... for several machines on one store. Default: SQLite in "
            "the data folder."
        ),
    ] = None
    trusted: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks that may use VRFY, EXPN and VERB and read /metrics. "
            "Not even loopback by default."
        ),
    ] = ()
    listen: Annotated[tuple[Listen, ...], Meta(description="The doors, one table each.")] = ()
    tls: Annotated[Tls, Meta(description="The certificate.")] = Tls()
    acme: Annotated[Acme, Meta(description="Certificates that renew themselves.")] = Acme()
    login: Annotated[Login, Meta(description="Who gets into the browser, and how.")] = Login()
    ldap: Annotated[Ldap, Meta(description="Passwords at a directory server.")] = Ldap()
    oauth: Annotated[Oauth, Meta(description="Access tokens.")] = Oauth()
    oidc: Annotated[Oidc, Meta(description="Logging in at another's login page.")] = Oidc()
    dns: Annotated[Dns, Meta(description="Names.")] = Dns()
    authentication: Annotated[
        Authentication, Meta(description="Who wrote what strangers bring.")
    ] = Authentication()
    connections: Annotated[Connections, Meta(description="Who brings mail, and how.")] = (
        Connections()
    )
    dnsbl: Annotated[tuple[Dnsbl, ...], Meta(description="Lists of senders, a table each.")] = ()
    rates: Annotated[Rates, Meta(description="How much strangers may bring.")] = Rates()
    spam: Annotated[Spam, Meta(description="The spam filter.")] = Spam()
    filter: Annotated[
        tuple[Filter, ...], Meta(description="Other programs that judge, a table each.")
    ] = ()
    reports: Annotated[Reports, Meta(description="Daily reports.")] = Reports()
    limits: Annotated[Limits, Meta(description="Sizes, counts and times.")] = Limits()
    filing: Annotated[Filing, Meta(description="Where messages for people here go.")] = Filing()
    retention: Annotated[Retention, Meta(description="How long Junk and Trash keep.")] = Retention()
    delivery: Annotated[Delivery, Meta(description="Messages for other servers.")] = Delivery()
    search: Annotated[Search, Meta(description="The index for searching.")] = Search()
    sharing: Annotated[Sharing, Meta(description="Shared mailboxes.")] = Sharing()
    sieve: Annotated[Sieve, Meta(description="Filter scripts.")] = Sieve()
    backup: Annotated[Backup, Meta(description="Backups by a timetable.")] = Backup()
    log: Annotated[Log, Meta(description="What is written where.")] = Log()
    digest: Annotated[Digest, Meta(description="Letters of what was kept back.")] = Digest()
    alerts: Annotated[Alerts, Meta(description="Who is told of trouble.")] = Alerts()
    audit: Annotated[Audit, Meta(description="Who changed what.")] = Audit()
    suppression: Annotated[Suppression, Meta(description="Whom accounts don't write to.")] = (
        Suppression()
    )
    webhooks: Annotated[Webhooks, Meta(description="Programs that are told.")] = Webhooks()
    uploads: Annotated[Uploads, Meta(description="Files from the browser.")] = Uploads()
    api: Annotated[Api, Meta(description="The API for programs.")] = Api()

    @property
    def folder(self) -> Path:
        """``data`` as a path."""
        return Path(self.data)

    @property
    def shown(self) -> "Config":
        """The settings as they may be shown: without the passwords in URLs, wherever they stand."""
        found: Config = without_passwords(self)
        return found

    @property
    def log_path(self) -> Path:
        """The log file that ``postroom trace`` reads."""
        return self.folder / "log" / "postroom.jsonl"


def standard_listeners() -> tuple[Listen, ...]:
    """Every door on its standard port; lmtp is for inner networks and opened on purpose."""
    return tuple(
        Listen(protocol=protocol, port=port)
        for protocol, port in STANDARD_PORTS.items()
        if protocol != "lmtp"
    )
