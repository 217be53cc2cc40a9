"""Who may be asked to change the DNS of own domains: add, list, remove, open.

Opening imports what speaks to them; a server without a provider never does.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.directory import dns_providers as rows
from postroom.directory.dns_providers import DnsProvider, Kind
from postroom.directory.sealing import open_sealed, seal
from postroom.errors import Invalid
from postroom.net.dns import Resolver

if TYPE_CHECKING:
    from postroom.net.zones.zone import Zone

_AUTHORIZATION: Final[dict[Kind, str]] = {"cloudflare": "Bearer {}", "desec": "Token {}"}


class New(msgspec.Struct, frozen=True, kw_only=True):
    """A provider as somebody describes it. Without ``server`` the kind's own is meant."""

    name: str
    kind: Kind
    zones: Sequence[str]
    secret: str
    server: str = ""
    key_name: str = ""
    algorithm: str = "hmac-sha256"
    authorities: str = ""

    def __repr__(self) -> str:
        return f"New({self.name}, {self.kind}, {self.zones})"


class ProviderView(msgspec.Struct, frozen=True):
    """A provider as lists show it; its secret is never shown."""

    name: str
    kind: Kind
    zones: tuple[str, ...]
    server: str
    created: datetime


class Opened(msgspec.Struct, frozen=True):
    """A zone that can be read and changed."""

    provider: str
    zone: str
    access: "Zone"


@recorded("dns-provider.add", "new.name")
async def add(office: Office, new: New, *, resolver: Resolver) -> ProviderView:
    """Remember a provider once one of its zones could be read with the secret.

    Raises Invalid with what is wrong, AlreadyExists.
    """
    from postroom.net.zones.zone import ZoneFailed

    made = _checked(new)
    try:
        for zone in made.zones:
            access = _access(made, new.secret, zone, resolver)
            await access.read([(zone, "MX")])
            await access.write([])
    except ZoneFailed as error:
        raise Invalid(f"{made.name}: {error}") from error
    return await _kept(office, made, new.secret)


async def _kept(office: Office, made: DnsProvider, secret: str) -> ProviderView:
    sealed = seal(office.directory.secrets.seal, secret.encode(), rows.context(made.name))
    kept = msgspec.structs.replace(made, secret=sealed, created=office.now())
    await office.db.write(lambda tx: rows.add(tx, kept))
    return _view(kept)


@recorded("dns-provider.add", "new.name")
async def bring(office: Office, new: New) -> ProviderView:
    """As ``add`` for what went well elsewhere: nothing is tried. Raises Invalid, AlreadyExists."""
    return await _kept(office, _checked(new), new.secret)


async def every(office: Office) -> list[ProviderView]:
    """All of them, by name."""
    return list(map(_view, await office.db.read(rows.listing)))


@recorded("dns-provider.remove", "name")
async def remove(office: Office, name: str) -> None:
    """Forget one; what it publishes stays in DNS. Raises NotFound."""
    await office.db.write(lambda tx: rows.remove(tx, name))


async def is_kept(office: Office, name: str) -> bool:
    """Whether a provider keeps the zone that a name (A-labels) is in."""
    return await office.db.read(lambda tx: rows.keeping(tx, name)) is not None


async def opened(office: Office, name: str, *, resolver: Resolver) -> Opened | None:
    """The zone that a name (A-labels) is in; None when no provider keeps it."""
    found = await office.db.read(lambda tx: rows.keeping(tx, name))
    if found is None:
        return None
    provider, zone = found
    secret = open_sealed(
        office.directory.secrets.seal, provider.secret, rows.context(provider.name)
    )
    return Opened(provider.name, zone, _access(provider, secret.decode(), zone, resolver))


def _checked(new: New) -> DnsProvider:
    """The row that describes it, without the secret. Raises Invalid."""
    name = new.name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise Invalid("a provider has a name of at most 100 printable characters")
    zones = tuple(dict.fromkeys(names.domain(one).ascii for one in new.zones))
    if not zones:
        raise Invalid("name the zones that it keeps: --zone example.org")
    if not new.secret.strip():
        raise Invalid("the secret is empty")
    if new.kind == "rfc2136" and not new.server:
        raise Invalid("name the server that takes the updates: --server ns1.example.org")
    if new.kind != "rfc2136" and new.server and not new.server.startswith("https://"):
        raise Invalid("the address of an interface begins with https://")
    return DnsProvider(
        name=name,
        kind=new.kind,
        zones=zones,
        server=new.server.rstrip("/"),
        key_name=new.key_name,
        algorithm=new.algorithm if new.kind == "rfc2136" else "",
        authorities=new.authorities,
    )


def _access(provider: DnsProvider, secret: str, zone: str, resolver: Resolver) -> "Zone":
    if provider.kind == "rfc2136":
        return _dynamic(provider, secret, zone, resolver)
    from postroom.net.zones import cloudflare, desec
    from postroom.net.zones.rest import Endpoint, Rest

    makers: dict[Kind, tuple[str, Callable[[str, Rest], Zone]]] = {
        "cloudflare": (cloudflare.URL, cloudflare.Cloudflare),
        "desec": (desec.URL, desec.Desec),
    }
    usual, make = makers[provider.kind]
    endpoint = Endpoint(
        url=provider.server or usual,
        authorization=_AUTHORIZATION[provider.kind].format(secret.strip()),
        is_own=bool(provider.server),
        authorities=provider.authorities or None,
    )
    return make(zone, Rest(endpoint, resolver))


def _dynamic(provider: DnsProvider, secret: str, zone: str, resolver: Resolver) -> "Zone":
    from postroom.net.zones import dynamic

    host, port = endpoint(provider.server)
    try:
        algorithm = msgspec.convert(provider.algorithm, dynamic.Algorithm)
        key = dynamic.read_key(secret, name=provider.key_name, algorithm=algorithm)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"{provider.name}: {error}") from error
    return dynamic.DynamicZone(zone, host, port, key, resolver)


def endpoint(text: str) -> tuple[str, int]:
    """``HOST``, ``HOST:PORT``, ``[ADDRESS]:PORT`` or an IPv6 address. Raises Invalid."""
    host, port = text, "53"
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":") or "53"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise Invalid(f"{text!r} is no server; write HOST or HOST:PORT")
    return host.lower(), int(port)


def _view(one: DnsProvider) -> ProviderView:
    return ProviderView(one.name, one.kind, one.zones, one.server, names.moment(one.created))
