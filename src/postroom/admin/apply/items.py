"""The tables of the file that ``manifest`` reads and writes: an item each.

A member that is None is not said.
"""

from typing import Literal

import msgspec

from postroom.directory.administrators import Role
from postroom.directory.dns_providers import Kind as ProviderKind
from postroom.directory.expand import Writers
from postroom.directory.lists import Moderation, Posting, RewriteFrom, Subscribing
from postroom.directory.relays import Tls, UseKind
from postroom.directory.tls_rules import Mode
from postroom.policy.bans import Doors


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file. None: it is not said."""


class DkimKeyItem(Item, frozen=True, kw_only=True):
    """A key that signs mail of a domain; counts for a domain that is made. PKCS8 in base64."""

    selector: str
    algorithm: Literal["rsa", "ed25519"]
    state: Literal["waiting", "active"]
    private_key: str


class LimitsItem(Item, frozen=True, kw_only=True):
    """What a domain may hold; what is not said, or 0, is not limited."""

    accounts: int = 0
    aliases: int = 0
    default_quota: int = 0
    max_quota: int = 0
    total_quota: int = 0


class DomainItem(Item, frozen=True, kw_only=True):
    """A domain; ``alias_of`` is fixed once it is there."""

    name: str
    alias_of: str | None = None
    catch_all: str | None = None
    separators: str | None = None
    case: Literal["sensitive", "insensitive"] | None = None
    dots: Literal["significant", "ignored"] | None = None
    journal: str | None = None
    share_suppression: bool | None = None
    limits: LimitsItem | None = None
    dkim_key: tuple[DkimKeyItem, ...] | None = None


class BackupDomainItem(Item, frozen=True, kw_only=True):
    """A domain of others that this server is a backup MX for."""

    name: str


class Forwarding(Item, frozen=True, kw_only=True):
    """Where mail goes on to; nowhere without ``to``."""

    to: tuple[str, ...]
    keep: bool = True


class ConditionItem(Item, frozen=True, kw_only=True):
    """As `postroom rule add` takes it; ``header:NAME`` for any field."""

    field: str
    test: str
    value: str
    negated: bool = False


class ActionItem(Item, frozen=True, kw_only=True):
    """As `postroom rule add` takes it."""

    kind: str
    value: str = ""


class RuleItem(Item, frozen=True, kw_only=True):
    """A rule of a person."""

    match: Literal["all", "any"] = "all"
    conditions: tuple[ConditionItem, ...] = ()
    actions: tuple[ActionItem, ...]


class RetentionItem(Item, frozen=True, kw_only=True):
    """Days that a mailbox keeps its messages, 0 for ever: as the postmaster says, and its owner."""

    mailbox: str
    days: int | None = None
    own_days: int | None = None


class PasswordItem(Item, frozen=True, kw_only=True):
    """What recognises a chosen password; counts for an account that is made."""

    hash: str
    salt: str
    rounds: int
    stored_key: str
    server_key: str


class MaskItem(Item, frozen=True, kw_only=True):
    """A masked address."""

    address: str
    label: str = ""
    on: bool = True


class ScriptItem(Item, frozen=True, kw_only=True):
    """A Sieve script. Of an account, and of the site, at most one is active."""

    name: str
    text: str
    active: bool = False


class VacationItem(Item, frozen=True, kw_only=True):
    """What is answered while somebody is away; nothing without ``text``. Days: YYYY-MM-DD."""

    text: str
    subject: str = ""
    begins: str = ""
    ends: str = ""
    days: int = 7
    addresses: tuple[str, ...] = ()


class FetchItem(Item, frozen=True, kw_only=True):
    """An account elsewhere whose mail is fetched, so many minutes apart.

    ``to``: a mailbox here, "" as if it were received. ``deletes`` there what has come.
    """

    protocol: Literal["pop3", "imap"]
    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    verify: bool = True
    login: str
    password: str
    token: bool = False
    folder: str = "INBOX"
    to: str = ""
    deletes: bool = False
    every: int = 15


class AccountItem(Item, frozen=True, kw_only=True):
    """A person. ``send_limit`` is recipients in 24 hours, or "default".

    ``digest``: how often a letter says what was kept from their inbox; "usual" as the settings say.
    ``suppression``: what heeds their suppression list, ``suppress`` who is on it by hand.
    """

    address: str
    name: str | None = None
    role: Role | None = None
    administers: tuple[str, ...] | None = None
    quota: int | None = None
    message_quota: int | None = None
    send_limit: int | Literal["default"] | None = None
    disabled: bool | None = None
    addresses: tuple[str, ...] | None = None
    send_as: tuple[str, ...] | None = None
    block: tuple[str, ...] | None = None
    allow: tuple[str, ...] | None = None
    forward: Forwarding | None = None
    password: PasswordItem | None = None
    retention: tuple[RetentionItem, ...] | None = None
    rule: tuple[RuleItem, ...] | None = None
    mask: tuple[MaskItem, ...] | None = None
    script: tuple[ScriptItem, ...] | None = None
    vacation: VacationItem | None = None
    spam_level: str | None = None
    digest: Literal["usual", "never", "daily", "weekly"] | None = None
    suppression: Literal["api", "all", "off", "default"] | None = None
    suppress: tuple[str, ...] | None = None
    fetch: tuple[FetchItem, ...] | None = None


class AliasItem(Item, frozen=True, kw_only=True):
    """An address that stands for others."""

    address: str
    targets: tuple[str, ...]
    hidden: bool | None = None
    writers: Writers | None = None


class MailingListItem(Item, frozen=True, kw_only=True):
    """A mailing list; ``suspended`` are members that get nothing. ``max_size`` in octets."""

    address: str
    name: str | None = None
    posting: Posting | None = None
    moderation: Moderation | None = None
    subscribing: Subscribing | None = None
    rewrite_from: RewriteFrom | None = None
    own_copy: bool | None = None
    max_size: int | None = None
    owners: tuple[str, ...] | None = None
    archive: tuple[str, ...] | None = None
    members: tuple[str, ...] | None = None
    suspended: tuple[str, ...] | None = None


class UseItem(Item, frozen=True, kw_only=True):
    """What goes through a relay."""

    kind: UseKind
    of: str = ""


class RelayItem(Item, frozen=True, kw_only=True):
    """A relay. Without its password it is brought back only where it is there already."""

    name: str
    host: str
    port: int
    tls: Tls
    verify: bool | None = None
    login: str | None = None
    password: str | None = None
    token: bool | None = None
    preset: str | None = None
    use: tuple[UseItem, ...] | None = None


class TlsRuleItem(Item, frozen=True, kw_only=True):
    """How mail to a domain must be encrypted."""

    domain: str
    mode: Mode


class ShareItem(Item, frozen=True, kw_only=True):
    """What is shared with whom; ``rights`` are letters of RFC 4314."""

    what: str
    grantee: str
    rights: str

    @property
    def title(self) -> str:
        """What tells it from others."""
        return f"{self.what} with {self.grantee}"


class WebhookItem(Item, frozen=True, kw_only=True):
    """A program that is told what happens; everything, or of a domain or an account.

    ``events`` is all that is told apart by besides. Without ``secret`` a new one is made up.
    """

    url: str
    events: tuple[str, ...]
    domain: str | None = None
    account: str | None = None
    on: bool | None = None
    secret: str | None = None

    @property
    def title(self) -> str:
        """What tells it from others."""
        about = self.domain or self.account
        return f"{self.url}{f' about {about}' if about else ''} ({', '.join(self.events)})"


class BanItem(Item, frozen=True, kw_only=True):
    """A network that a postmaster turned away; ``until`` (RFC 3339), for good without it."""

    network: str
    doors: Doors = "all"
    reason: str = ""
    until: str | None = None

    @property
    def title(self) -> str:
        """What tells it from others."""
        return self.network if self.doors == "all" else f"{self.network} ({self.doors})"


class DnsProviderItem(Item, frozen=True, kw_only=True):
    """Who may be asked to change the DNS of own domains."""

    name: str
    kind: ProviderKind
    zones: tuple[str, ...]
    secret: str
    server: str = ""
    key_name: str = ""
    algorithm: str = ""
    authorities: str = ""


class Manifest(Item, frozen=True, kw_only=True):
    """The whole file."""

    domain: tuple[DomainItem, ...] = ()
    backup_domain: tuple[BackupDomainItem, ...] = ()
    account: tuple[AccountItem, ...] = ()
    alias: tuple[AliasItem, ...] = ()
    mailing_list: tuple[MailingListItem, ...] = ()
    relay: tuple[RelayItem, ...] = ()
    tls_rule: tuple[TlsRuleItem, ...] = ()
    share: tuple[ShareItem, ...] = ()
    script: tuple[ScriptItem, ...] = ()
    webhook: tuple[WebhookItem, ...] = ()
    ban: tuple[BanItem, ...] = ()
    dns_provider: tuple[DnsProviderItem, ...] | None = None
