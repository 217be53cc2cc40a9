"""Records that the server itself keeps right in the zones that it may change.

New signing keys are published and old ones withdrawn; so is the digest of the certificate's key
(TLSA). Domains without a provider are left to their people. What fails is told and tried again.
"""

from collections.abc import Collection, Iterable
from itertools import groupby

from postroom.admin import dkim
from postroom.admin.dns import providers, update
from postroom.admin.office import Office
from postroom.directory.dkim_keys import DkimKey
from postroom.directory.dns_providers import listing
from postroom.errors import MailError, Refused
from postroom.mailauth import dkim_key
from postroom.net.dns import Resolver
from postroom.telemetry import sink
from postroom.telemetry.events import ZoneChanged, ZoneFailed as ZoneFailedEvent


async def publish(
    office: Office, domains: Iterable[str], uses: Collection[str], *, resolver: Resolver
) -> bool:
    """Write the records of these uses, where a provider keeps the zone; False when that failed."""
    if not await office.db.read(listing):
        return True
    is_done = True
    for domain in dict.fromkeys(domains):
        try:
            if await providers.opened(office, domain, resolver=resolver) is None:
                continue
            done = await update.apply(office, domain, resolver=resolver, uses=uses)
        except (Refused, MailError) as error:
            sink.emit(ZoneFailedEvent(domain=domain, reason=str(error)))
            is_done = False
            continue
        if any(one.action in {"add", "merge", "replace"} for one in done.steps):
            sink.emit(ZoneChanged(domain=domain, provider=done.provider, uses=tuple(sorted(uses))))
    return is_done


async def withdraw_keys(office: Office, *, resolver: Resolver) -> None:
    """Take the records of signing keys out that retired long ago and are to be forgotten."""
    if not await office.db.read(listing):
        return
    keys = sorted(await dkim.expired(office), key=lambda key: key.domain)
    for domain, group in groupby(keys, key=lambda key: key.domain):
        try:
            await _withdraw(office, domain, list(group), resolver)
        except (Refused, MailError) as error:
            sink.emit(ZoneFailedEvent(domain=domain, reason=str(error)))


async def _withdraw(
    office: Office, domain: str, keys: Collection[DkimKey], resolver: Resolver
) -> None:
    from postroom.net.zones.zone import Change, Place, ZoneFailed

    zone = await providers.opened(office, domain, resolver=resolver)
    if zone is None:
        return
    places: dict[Place, DkimKey] = {(key.record_name, "TXT"): key for key in keys}
    try:
        found = await zone.access.read(list(places))
        changes = [
            Change(name=place[0], kind="TXT", before=present, after=())
            for place, present in found.items()
            if any(_publishes(one, places[place]) for one in present)
        ]
        if changes:
            await zone.access.write(changes)
            sink.emit(ZoneChanged(domain=domain, provider=zone.provider, uses=("DKIM",)))
    except ZoneFailed as error:
        raise Refused(f"{zone.provider}: {error}") from error


def _publishes(record: object, key: DkimKey) -> bool:
    return isinstance(record, bytes) and dkim_key.publishes(
        record.decode("utf-8", "replace"), key.public
    )
