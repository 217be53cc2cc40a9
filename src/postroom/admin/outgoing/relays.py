"""Relays: add, list, show, set, remove, use, unuse."""

import ipaddress
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import AddressError, Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.outgoing import presets
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, domains, relays
from postroom.directory.relays import Mechanism, Relay, RelayEntry, Tls, Use, UseKind
from postroom.errors import Invalid, NotFound
from postroom.net.networks import names_loopback

MAX_LOGIN: Final = 512  # octets
MAX_PASSWORD: Final = 8192  # octets; access tokens are long

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_DIRECT: Final = "direct"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person says about a relay; None: as the preset says, or as it was.

    ``login`` "" takes login and password away. ``is_token``: the password is an OAuth 2.0
    access token.
    """

    preset: str | None = None
    host: str | None = None
    port: int | None = None
    tls: Tls | None = None
    verify: bool | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    is_token: bool = False


class UseView(msgspec.Struct, frozen=True):
    """What goes through a relay: ``of`` is a domain, the address of an account, or ""."""

    kind: UseKind
    of: str = ""


class RelayView(msgspec.Struct, frozen=True):
    """A relay without its password."""

    name: str
    host: str
    port: int
    tls: Tls
    verify: bool
    login: str
    password: bool
    """Whether there is one."""
    mechanism: Mechanism
    preset: str
    uses: tuple[UseView, ...]
    created: datetime


class Rerouted(msgspec.Struct, frozen=True):
    """A use that changed: the relays that its mail took and takes, "" for straight."""

    use: UseView
    before: str
    now: str


class RelayChanged(RelayView, frozen=True):
    """A relay after a change of its uses (or before it was removed)."""

    rerouted: tuple[Rerouted, ...]
    """What takes another way now."""


@recorded("relay.add", "name", "wanted", "uses")
async def add(
    office: Office, name: str, wanted: Wanted, uses: Sequence[UseView] = ()
) -> RelayChanged:
    """Make a relay, from a preset or from host, port and tls; and send ``uses`` through it."""
    entry = _entry(_name(name), wanted, ident=office.ids.next(), created=office.now())
    seal_key = office.directory.secrets.seal

    def write(tx: Tx) -> RelayChanged:
        relays.add(tx, entry, wanted.password or "", seal_key)
        return _put_all(tx, entry, uses)

    return await office.directory.change(write)


def unkept(wanted: Wanted) -> Relay:
    """The relay that ``add`` would make, to try it out before. Raises Invalid, NotFound."""
    entry = _entry("", wanted, ident=0, created=0)
    return Relay(**asdict(entry), password=wanted.password or "")


@recorded("relay.change", "name", "wanted")
async def change(office: Office, name: str, wanted: Wanted) -> RelayView:
    """Set what is given; the uses stay."""
    wanted = _with_preset(wanted)
    host = None if wanted.host is None else _host(wanted.host)
    seal_key = office.directory.secrets.seal

    def write(tx: Tx) -> RelayView:
        before = relays.require(tx, _folded(name))
        entry, password = _changed(before, wanted, host)
        _check(entry, password)
        relays.change(tx, entry, password, seal_key)
        return _view(tx, entry)

    return await office.directory.change(write)


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[RelayView]:
    """All relays by name, read in pages."""
    async for one in _listing(office, search).every(limit):
        yield one


async def page(office: Office, *, after: str = "", size: int = 100) -> Slice[RelayView]:
    """One page of the relays, by name."""
    return await _listing(office).page(after, size)


def _listing(office: Office, search: str = "") -> paging.Listing[RelayView, tuple[str], RelayView]:
    sought = names.sought(search)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: [_view(tx, one) for one in relays.page(tx, key[0], most, sought)],
        lambda view: (view.name,),
        ("",),
        relays.count,
        lambda view: view,
    )


async def show(office: Office, name: str) -> RelayView:
    """One relay with its uses."""
    return await office.directory.look(lambda tx: _view(tx, relays.require(tx, _folded(name))))


async def load(office: Office, name: str) -> Relay:
    """A relay with its password opened, to connect to it.

    Raises NotFound, or StorageFailed when ``data/secrets`` can't open the password.
    """
    seal_key = office.directory.secrets.seal
    return await office.directory.look(
        lambda tx: relays.opened(tx, relays.require(tx, _folded(name)), seal_key)
    )


@recorded("relay.remove", "name")
async def remove(office: Office, name: str) -> RelayChanged:
    """Forget a relay; what went through it goes as if it had never been."""

    def write(tx: Tx) -> RelayChanged:
        entry = relays.require(tx, _folded(name))
        view = _view(tx, entry)
        gone = relays.uses(tx, entry.id)
        relays.remove(tx, entry)
        return _with_routes(view, [_rerouted(tx, entry, use) for use in gone])

    return await office.directory.change(write)


@recorded("relay.use", "name", "uses")
async def use(office: Office, name: str, uses: Sequence[UseView]) -> RelayChanged:
    """Send these through a relay, and no longer through another one."""

    def write(tx: Tx) -> RelayChanged:
        entry = relays.require(tx, _folded(name))
        return _put_all(tx, entry, uses)

    return await office.directory.change(write)


@recorded("relay.unuse", "name", "uses")
async def unuse(office: Office, name: str, uses: Sequence[UseView] = ()) -> RelayChanged:
    """Send these no longer through a relay; without ``uses``, nothing."""

    def write(tx: Tx) -> RelayChanged:
        entry = relays.require(tx, _folded(name))
        present = relays.uses(tx, entry.id)
        keys = [_key(tx, one) for one in uses] or present
        for key in keys:
            if key not in present:
                raise NotFound(
                    f"{in_words(_use_view(tx, key))} does not go through the relay {entry.name};"
                    f" see: postroom relay show {entry.name}"
                )
            relays.remove_use(tx, key)
        return _with_routes(_view(tx, entry), [_rerouted(tx, entry, key) for key in keys])

    return await office.directory.change(write)


def in_words(use: UseView) -> str:
    """A use for people: ``mail to example.org``."""
    match use.kind:
        case "default":
            return "mail by default"
        case "sender-domain":
            return f"mail from {use.of}"
        case "recipient-domain":
            return f"mail to {use.of}"
        case "account":
            return f"mail of {use.of}"


def _entry(name: str, wanted: Wanted, *, ident: int, created: int) -> RelayEntry:
    """A new relay, checked."""
    wanted = _with_preset(wanted)
    if wanted.host is None or wanted.port is None or wanted.tls is None:
        raise Invalid("a relay needs a preset, or host, port and tls; see: postroom relay presets")
    host = _host(wanted.host)
    entry = RelayEntry(
        id=ident,
        name=name,
        host=host,
        port=wanted.port,
        tls=wanted.tls,
        verify=not names_loopback(host) if wanted.verify is None else wanted.verify,
        login=wanted.login or "",
        mechanism="xoauth2" if wanted.is_token else "",
        preset=wanted.preset or "",
        created=created,
        has_password=bool(wanted.password),
    )
    _check(entry, wanted.password)
    return entry


def _with_preset(wanted: Wanted) -> Wanted:
    """What is wanted, with the gaps filled from the preset."""
    if not wanted.preset:
        return wanted
    preset = presets.find(wanted.preset)
    fills_login = wanted.login is None and bool(wanted.password)
    return replace(
        wanted,
        preset=preset.name,
        host=presets.host_of(preset, wanted.host),
        port=preset.port if wanted.port is None else wanted.port,
        tls=preset.tls if wanted.tls is None else wanted.tls,
        login=(preset.login or None) if fills_login else wanted.login,
    )


def _changed(before: RelayEntry, wanted: Wanted, host: str | None) -> tuple[RelayEntry, str | None]:
    """The entry after a change, and its new password: None keeps the one there is."""
    login = before.login if wanted.login is None else wanted.login
    password = "" if not login else wanted.password
    mechanism = before.mechanism
    if password is not None:
        mechanism = "xoauth2" if password and wanted.is_token else ""
    entry = replace(
        before,
        host=before.host if host is None else host,
        port=before.port if wanted.port is None else wanted.port,
        tls=before.tls if wanted.tls is None else wanted.tls,
        verify=before.verify if wanted.verify is None else wanted.verify,
        preset=before.preset if wanted.preset is None else wanted.preset,
        login=login,
        mechanism=mechanism,
        has_password=before.has_password if password is None else bool(password),
    )
    if not login and wanted.password:
        raise _needs_login()
    return entry, password


def _check(entry: RelayEntry, password: str | None) -> None:
    """Raise Invalid for what can't work or would give a password away."""
    if not 1 <= entry.port <= 65535:
        raise Invalid(f"{entry.port} is no port; a port is a number from 1 to 65535")
    if not entry.login:
        if password:
            raise _needs_login()
        return
    if not entry.has_password:
        raise Invalid(f"the login {entry.login} needs a password; give it with --password-stdin")
    if not entry.login.isprintable() or len(entry.login.encode()) > MAX_LOGIN:
        raise Invalid(f"a login has at most {MAX_LOGIN} octets and no control characters")
    if password and (len(password.encode()) > MAX_PASSWORD or set("\0\r\n") & set(password)):
        raise Invalid(
            f"the password of a relay has at most {MAX_PASSWORD} octets, no NUL and one line"
        )
    if entry.tls == "none" and not names_loopback(entry.host):
        raise Invalid(
            f"a password is not sent to {entry.host} without TLS;"
            " use --tls starttls or --tls implicit, or leave the login out"
        )


def _needs_login() -> Invalid:
    return Invalid("a password needs a login; give it with --user")


def _name(name: str) -> str:
    folded = _folded(name)
    if not _NAME.fullmatch(folded):
        raise Invalid(
            f"{name!r} is no name for a relay; use one word of at most 63 letters, digits,"
            " dots, hyphens and underscores"
        )
    if folded == _DIRECT:
        raise Invalid(f"a relay can't be called {_DIRECT}; that means without a relay")
    return folded


def _folded(name: str) -> str:
    return name.strip().lower()


def _host(text: str) -> str:
    """A name as A-labels, or an address without brackets."""
    bare = text.strip().removesuffix("]").removeprefix("[")
    bare = bare[5:] if bare[:5].lower() == "ipv6:" else bare
    try:
        if "%" not in bare:  # a scope id is local to one machine
            return ipaddress.ip_address(bare).compressed
    except ValueError:
        pass
    try:
        domain = Domain.parse(text.strip())
    except AddressError as error:
        raise Invalid(f"{text!r} is no host: {error}; give the port with --port") from None
    if domain.is_literal:
        raise Invalid(f"{text!r} is no host; write the name or address of the relay")
    return domain.ascii


def _key(tx: Tx, use: UseView) -> Use:
    """What a person named, as it is stored."""
    match use.kind:
        case "default":
            return Use("default")
        case "account":
            return Use("account", str(accounts.require(tx, names.address(use.of)).id))
        case "sender-domain" | "recipient-domain":
            return Use(use.kind, names.domain(use.of).ascii)


def _put_all(tx: Tx, entry: RelayEntry, uses: Sequence[UseView]) -> RelayChanged:
    rerouted = []
    for one in uses:
        if one.kind == "sender-domain":
            domains.require(tx, names.domain(one.of))
        key = _key(tx, one)
        before = relays.user(tx, key)
        relays.put_use(tx, entry, key)
        rerouted.append(Rerouted(_use_view(tx, key), before, entry.name))
    return _with_routes(_view(tx, entry), rerouted)


def _with_routes(view: RelayView, rerouted: Sequence[Rerouted]) -> RelayChanged:
    return RelayChanged(**msgspec.structs.asdict(view), rerouted=tuple(rerouted))


def _rerouted(tx: Tx, entry: RelayEntry, use: Use) -> Rerouted:
    """Where a use goes that has no relay of its own any more: people go with their domain."""
    account = accounts.by_id(tx, int(use.key)) if use.kind == "account" else None
    now = ""
    if account is not None:
        now = relays.user(tx, Use("sender-domain", account.address.domain.ascii))
    now = now or relays.user(tx, Use("default"))
    return Rerouted(_use_view(tx, use), entry.name, now)


def _view(tx: Tx, entry: RelayEntry) -> RelayView:
    return RelayView(
        name=entry.name,
        host=entry.host,
        port=entry.port,
        tls=entry.tls,
        verify=entry.verify,
        login=entry.login,
        password=entry.has_password,
        mechanism=entry.mechanism,
        preset=entry.preset,
        uses=tuple(_use_view(tx, use) for use in relays.uses(tx, entry.id)),
        created=names.moment(entry.created),
    )


def _use_view(tx: Tx, use: Use) -> UseView:
    if use.kind != "account":
        return UseView(use.kind, Domain(use.key).unicode if use.key else "")
    account = accounts.by_id(tx, int(use.key))
    return UseView("account", str(account.address) if account else f"account {use.key} (gone)")
