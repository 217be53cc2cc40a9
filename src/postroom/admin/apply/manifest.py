"""What is set up here as one file, in TOML: domains, people, aliases, relays, rules, shares.

``read`` checks a file and makes items of it, ``written`` makes the file. A member that is left
out of a file stays as it is; ``written`` leaves out nothing but what has no value. TOML 1.0.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.config.toml import string
from postroom.directory.administrators import Role
from postroom.directory.expand import Writers
from postroom.directory.relays import Tls, UseKind
from postroom.directory.tls_rules import Mode
from postroom.errors import Invalid

_NOTE: Final = (
    "# What is set up on this server, without mail and settings. It is brought back, here or on\n"
    "# another server, with: postroom apply FILE\n"
)
MAX_FAULTS: Final = 20  # that are told
_HEADER: Final = re.compile(r"\s*\[\[\s*(\w+)\s*\]\]")
_WIDE: Final = 96  # a list that would be longer stands in several lines


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file. None: it is not said."""


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
    limits: LimitsItem | None = None


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


class AccountItem(Item, frozen=True, kw_only=True):
    """A person. ``send_limit`` is recipients in 24 hours, or "default"."""

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


class AliasItem(Item, frozen=True, kw_only=True):
    """An address that stands for others."""

    address: str
    targets: tuple[str, ...]
    hidden: bool | None = None
    writers: Writers | None = None


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


class Manifest(Item, frozen=True, kw_only=True):
    """The whole file."""

    domain: tuple[DomainItem, ...] = ()
    backup_domain: tuple[BackupDomainItem, ...] = ()
    account: tuple[AccountItem, ...] = ()
    alias: tuple[AliasItem, ...] = ()
    relay: tuple[RelayItem, ...] = ()
    tls_rule: tuple[TlsRuleItem, ...] = ()
    share: tuple[ShareItem, ...] = ()


class Places:
    """Where the items of a file stand. Without a text, their number is all that is known."""

    def __init__(self, text: str = "", source: str = "") -> None:
        self._source = source
        self._lines: dict[str, list[int]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if found := _HEADER.match(line):
                self._lines.setdefault(found[1], []).append(number)

    def of(self, kind: str, index: int) -> str:
        """``hosts.toml, line 7``, or ``account[2]``."""
        lines = self._lines.get(kind, ())
        return f"{self._source}, line {lines[index]}" if index < len(lines) else f"{kind}[{index}]"


class Faulty(Invalid):
    """What is wrong with a file: one of ``faults`` is a sentence with its place."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Of very many the first are told."""
        more = len(faults) - MAX_FAULTS
        self.faults = (*faults[:MAX_FAULTS], *([f"and {more} more"] if more > 0 else []))
        super().__init__("; ".join(self.faults))


def read(text: str, source: str = "the file") -> Manifest:
    """The items of a file. Raises Invalid with every slip and its place."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{source} is no TOML: {error}") from None
    try:
        return msgspec.convert(found, Manifest)
    except msgspec.ValidationError:
        raise Faulty(list(_slips(found, Places(text, source), source))) from None


def _slips(found: Mapping[str, object], places: Places, source: str) -> Iterator[str]:
    for kind, items in found.items():
        is_list = kind in Manifest.__struct_fields__ and isinstance(items, list)
        for index, item in enumerate(items if is_list and isinstance(items, list) else [None]):
            try:
                msgspec.convert({kind: [item] if is_list else items}, Manifest)
            except msgspec.ValidationError as error:
                told = str(error).replace(f" - at `$.{kind}[0]", f", at `{kind}[{index}]")
                where = places.of(kind, index) if is_list else source
                yield f"{where}: {told.replace(' - at `$.', ', at `')}"


def written(manifest: Manifest) -> Iterator[str]:
    """The file, a table at a time."""
    yield _NOTE
    for kind in manifest.__struct_fields__:
        for item in getattr(manifest, kind):
            yield "\n" + _table(kind, item)


def _table(path: str, item: msgspec.Struct) -> str:
    """A table of an array, and the arrays of tables in it."""
    lines, inner = [f"[[{path}]]"], []
    for name, value in msgspec.structs.asdict(item).items():
        if value is None:
            continue
        if isinstance(value, tuple) and value and name in _TABLES.get(type(item), ()):
            inner += [_table(f"{path}.{name}", one) for one in value]
        else:
            lines.append(f"{name} = {_value(value, len(name) + 3)}")
    return "\n".join([*lines, ""]) + "".join(inner)


_TABLES: Final[Mapping[type, Sequence[str]]] = {
    AccountItem: ("retention", "rule"),
    RelayItem: ("use",),
}


def _value(value: object, used: int = 0) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case tuple() | list():
            parts = [_value(one) for one in value]
            line = f"[{', '.join(parts)}]"
            if used + len(line) <= _WIDE:
                return line
            return "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
        case msgspec.Struct():
            pairs = msgspec.structs.asdict(value).items()
            return "{ " + ", ".join(f"{n} = {_value(v)}" for n, v in pairs if v is not None) + " }"
        case _:
            return string(str(value))
