"""Who keeps the zones of own domains and lets us change them: rows of ``dns_provider``.

The secret (an API token, or a TSIG key as ``tsig-keygen`` writes it) is sealed in the row.
"""

from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.errors import AlreadyExists, NotFound

Kind = Literal["rfc2136", "cloudflare", "desec"]

_COLUMNS: Final = "name, kind, zones, server, key_name, algorithm, authorities, created, secret"


class DnsProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One provider.

    ``zones`` are names in A-labels. ``server`` is HOST:PORT of a name server, or the address of
    an interface, "" for the provider's own. ``authorities`` is the PEM that vouches for the
    server, "" for the usual ones. ``created`` is UTC milliseconds.
    """

    name: str
    kind: Kind
    zones: tuple[str, ...]
    server: str = ""
    key_name: str = ""
    algorithm: str = ""
    authorities: str = ""
    created: int = 0
    secret: bytes = b""

    def __repr__(self) -> str:
        return f"DnsProvider({self.name}, {self.kind}, {self.zones})"


def context(name: str) -> bytes:
    """What the sealed secret of a provider is for (see ``sealing``)."""
    return f"dns-provider:{name}".encode()


def listing(tx: Tx) -> list[DnsProvider]:
    """All of them, by name."""
    return [_read(row) for row in tx.all(f"SELECT {_COLUMNS} FROM dns_provider ORDER BY name")]


def add(tx: Tx, new: DnsProvider) -> None:
    """Remember one. Raises AlreadyExists for its name, and for a zone that another has."""
    for one in listing(tx):
        if one.name == new.name:
            raise AlreadyExists(f"there is a DNS provider {new.name} already; remove it first")
        common = sorted({*one.zones} & {*new.zones})
        if common:
            raise AlreadyExists(f"{common[0]} is kept by {one.name} already")
    tx.execute(
        f"INSERT INTO dns_provider ({_COLUMNS}) VALUES (:name, :kind, :zones, :server, :key_name,"
        " :algorithm, :authorities, :created, :secret)",
        name=new.name,
        kind=new.kind,
        zones=" ".join(new.zones),
        server=new.server,
        key_name=new.key_name,
        algorithm=new.algorithm,
        authorities=new.authorities,
        created=new.created,
        secret=new.secret,
    )


def remove(tx: Tx, name: str) -> None:
    """Forget one with its secret. Raises NotFound."""
    if not tx.execute("DELETE FROM dns_provider WHERE name = :name", name=name):
        raise NotFound(f"no DNS provider {name}; see: postroom dns provider list")


def keeping(tx: Tx, name: str) -> tuple[DnsProvider, str] | None:
    """Who keeps the zone that a name is in, and that zone: the closest one."""
    found = [
        (provider, zone)
        for provider in listing(tx)
        for zone in provider.zones
        if name == zone or name.endswith(f".{zone}")
    ]
    return max(found, key=lambda one: len(one[1]), default=None)


def _read(row: Row) -> DnsProvider:
    name, kind, zones, server, key_name, algorithm, authorities, created, secret = row
    return DnsProvider(
        name=name,
        kind=kind,
        zones=tuple(zones.split()),
        server=server,
        key_name=key_name,
        algorithm=algorithm,
        authorities=authorities,
        created=created,
        secret=bytes(secret),
    )
