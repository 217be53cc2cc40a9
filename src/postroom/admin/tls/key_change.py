"""Changing the key of a certificate without breaking DANE (RFC 7671 §8.1, §8.4).

The next key is made first and its TLSA record published beside the present one; two TTLs after
both were seen in DNS nobody remembers a time when there was only one, and a certificate with the
next key is ordered. Where the host has no TLSA record, or for certificates of domains, nobody has
to wait.
"""

from collections.abc import Callable
from typing import Final

from postroom.admin.dns.authority import PORT, Authorities, NoZone
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.directory import certificates as rows
from postroom.directory.certificates import Held
from postroom.directory.sealing import open_sealed, seal
from postroom.errors import NotFound, Refused
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed, Tlsa
from postroom.net.tls import key_pem_digest, new_key

TTLS: Final = 2


@recorded("certificate.rollover", "name")
async def begin(office: Office, name: str, *, make: Callable[[], bytes] = new_key) -> str:
    """Make the next key of a certificate; the SHA-256 of it, in hex, for its TLSA record.

    Raises NotFound, and Refused while another change is under way.
    """
    held = await office.directory.look(lambda tx: rows.find(tx, name))
    if held is None:
        raise NotFound(f"no certificate {name}; see: postroom certificate list")
    if held.next_key is not None:
        raise Refused(
            f"the key of {name} is being changed already; at once: postroom certificate rollover "
            f"{name} --now"
        )
    key = make()
    sealed = seal(office.directory.secrets.seal, key, rows.context(name))
    await office.db.write(lambda tx: rows.change_key(tx, name, sealed))
    return key_pem_digest(key)


def next_digest(office: Office, held: Held | None) -> str:
    """The SHA-256, in hex, of the next key; "" when there is none."""
    if held is None or held.next_key is None:
        return ""
    key = open_sealed(office.directory.secrets.seal, held.next_key, rows.context(held.name))
    return key_pem_digest(key)


async def is_due(office: Office, held: Held, resolver: Resolver, *, port: int = PORT) -> bool:
    """Whether the next key may be used; ``port`` is where the servers of zones answer."""
    if held.next_key is None:
        return False
    now = office.now()
    if held.next_at:
        return now >= held.next_at
    if held.name != office.config.hostname.lower():
        return True
    try:
        async with Authorities(resolver, port=port) as authorities:
            answer = await authorities.lookup(f"_25._tcp.{held.name}", "TLSA")
    except NoZone:
        return True
    except (LookupFailed, InvalidName):
        return False
    published = [one for one in answer.records if isinstance(one, Tlsa)]
    if not published:
        return True
    if next_digest(office, held) in {one.data.hex() for one in published}:
        moment = now + TTLS * answer.ttl * 1000
        await office.db.write(lambda tx: rows.change_key_at(tx, held.name, moment))
    return False
