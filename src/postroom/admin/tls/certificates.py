"""Certificates from an authority: which are wanted, ordering, renewing, listing.

Renewed when two thirds of its life are over, or when the authority wants it (RFC 9773), which is
asked daily. The key stays (``key_change`` changes it). A failed order is tried again after an hour, then two, .. and a day
at last; meanwhile the certificate that is there stays.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Literal

import msgspec
from cryptography import x509

from postroom.address import Domain
from postroom.admin import domains, names
from postroom.admin.client_settings import LABELS
from postroom.admin.office import Office
from postroom.admin.own_addresses import public_addresses
from postroom.admin.recording import recorded
from postroom.admin.tls import certificate_file, key_change, proofs
from postroom.admin.tls.certificate_file import Given
from postroom.db.database import Tx
from postroom.directory import certificates as rows
from postroom.directory.certificates import Held
from postroom.directory.sealing import open_sealed, seal
from postroom.errors import NotFound, Refused
from postroom.net import acme
from postroom.net.acme import AcmeFailed, Issued
from postroom.net.acme_child import Challenge, Order
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.net.tls import Named, new_key
from postroom.telemetry import sink
from postroom.telemetry.events import CertificateFailed, CertificateIssued

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
AT_ONCE: Final = 20  # domains that are looked up side by side
_ACCOUNT: Final = b"acme-account:"


class CertificateView(msgspec.Struct, frozen=True):
    """A certificate as lists show it; ``state`` says whether it is there, wanted or in trouble.

    ``file`` is where somebody has put it, "" for one that an authority issues to the server;
    only of these it is known when they are looked at next.
    """

    name: str
    names: tuple[str, ...]
    state: str
    issued: datetime | None
    expires: datetime | None
    next_look: datetime | None
    problem: str
    file: str = ""


async def _nobody() -> None:
    """Nobody waits for one."""


async def every(office: Office) -> list[CertificateView]:
    """All of them, by name; the one that is given as a file first."""
    held = list(map(_view, await office.directory.look(rows.listing)))
    now = names.moment(office.now())
    given = await asyncio.to_thread(certificate_file.look, office.config, now)
    return held if given is None else [_view_of_file(given, office.config.hostname), *held]


@recorded("certificate.renew", "name")
async def renew(
    office: Office, name: str, *, resolver: Resolver, changes_key: bool = False
) -> CertificateView:
    """Order one anew now, whatever its age, perhaps with its next key.

    Raises NotFound, and Refused with the reason.
    """
    if not office.config.acme.accept_terms:
        raise Refused(
            "certificates are not ordered here; set accept_terms = true under [acme] in "
            "postroom.toml (the terms are the authority's)"
        )
    wanted = {one.name: one.names async for one in _wanted(office, resolver)}
    if name not in wanted:
        raise NotFound(
            f"no certificate is wanted for {name}; DNS does not lead it here, or it is not a name "
            "of this server: postroom dns DOMAIN --check"
        )
    held = await _held(office, name)
    await _order(office, held, wanted[name], resolver, changes_key=changes_key)
    view = _view(await _held(office, name))
    if view.problem:
        raise Refused(f"no certificate for {name}: {view.problem}")
    return view


async def see_to_all(
    office: Office,
    *,
    resolver: Resolver,
    ordered: Callable[[], Awaitable[object]] = _nobody,
) -> int:
    """Order what is wanted and not there, renew what is due; how many were ordered.

    ``ordered`` is called after each: all of them together may take hours.
    """
    await _forget_removed(office)
    if not office.config.acme.accept_terms:
        return 0
    count = 0
    async for wanted in _wanted(office, resolver):
        held = await _held(office, wanted.name)
        changes_key = await key_change.is_due(office, held, resolver)
        is_due = await _is_due(office, held, wanted.names)
        if (is_due or (changes_key and held.due > office.now())) and await _claimed(office, held):
            await _order(office, held, wanted.names, resolver, changes_key=changes_key)
            count += 1
            await ordered()
    return count


async def named(office: Office) -> list[Named]:
    """Everything that can be shown to peers, with open keys."""
    held = await office.directory.look(rows.listing)
    key = office.directory.secrets.seal
    return [
        Named(one.names, one.chain.encode(), open_sealed(key, one.key, rows.context(one.name)))
        for one in held
        if one.chain
    ]


async def challenge(office: Office, token: str) -> str | None:
    """What must stand at ``/.well-known/acme-challenge/TOKEN`` (RFC 8555 §8.3)."""
    return await office.directory.look(lambda tx: rows.challenge(tx, token))


async def _forget_removed(office: Office) -> None:
    """Those of domains that are not ours any more: nobody renews them, so they would only end."""
    label = f"{LABELS[0]}."
    for held in await office.directory.look(rows.listing):
        if held.name == office.config.hostname.lower():
            continue
        domain = Domain(held.name.removeprefix(label))
        if not held.name.startswith(label) or not await office.directory.is_own(domain):
            await office.db.write(partial(rows.remove, name=held.name))


class Wanted(msgspec.Struct, frozen=True):
    """A certificate that there should be. ``name`` stays, whichever ``names`` lead here."""

    name: str
    names: tuple[str, ...]


async def _wanted(office: Office, resolver: Resolver) -> AsyncIterator[Wanted]:
    """One for the server, one a domain; so many domains are asked about side by side."""
    look = _Look(
        office, resolver, {str(one) for one in await public_addresses(office.config, resolver)}
    )
    hostname = office.config.hostname.lower()
    if office.config.tls.certificate is None and await look.is_ours(hostname):
        yield Wanted(hostname, (hostname,))
    group: list[str] = []
    async for domain in domains.every(office):
        group.append(domain.ascii)
        if len(group) == AT_ONCE:
            for one in await asyncio.gather(*map(look.domain, group)):
                if one is not None:
                    yield one
            group = []
    for one in await asyncio.gather(*map(look.domain, group)):
        if one is not None:
            yield one


class _Look:
    """Which names lead here, or can be proven all the same."""

    def __init__(self, office: Office, resolver: Resolver, ours: set[str]) -> None:
        self._office = office
        self._resolver = resolver
        self._ours = ours

    async def domain(self, name: str) -> Wanted | None:
        """The certificate of a domain; None when none of its names is ours."""
        hostname = self._office.config.hostname.lower()
        candidates = [name, *(f"{label}.{name}" for label in LABELS)]
        candidates = [one for one in candidates if one != hostname]
        found = await asyncio.gather(*map(self.is_ours, candidates))
        chosen = tuple(one for one, is_ours in zip(candidates, found, strict=True) if is_ours)
        return Wanted(f"{LABELS[0]}.{name}", chosen) if chosen else None

    async def is_ours(self, name: str) -> bool:
        """Whether DNS leads the name here; with dns-01, whether we may write its zone."""
        if self._office.config.acme.challenge == "dns-01":
            return await proofs.are_kept(self._office, [name])
        kinds: tuple[Literal["A", "AAAA"], ...] = ("A", "AAAA")
        found = await asyncio.gather(*(self._addresses(name, kind) for kind in kinds))
        addresses = {one for some in found for one in some}
        return bool(addresses) and addresses <= self._ours

    async def _addresses(self, name: str, kind: Literal["A", "AAAA"]) -> Sequence[str]:
        with contextlib.suppress(LookupFailed, InvalidName):
            return (await self._resolver.lookup(name, kind)).records
        return ()


async def _held(office: Office, name: str) -> Held:
    """The row of a certificate, made with a key of its own when there is none."""
    found = await office.directory.look(lambda tx: rows.find(tx, name))
    if found is not None:
        return found
    sealed = seal(office.directory.secrets.seal, new_key(), rows.context(name))

    def write(tx: Tx) -> Held:
        return rows.want(tx, name, sealed, office.now())

    return await office.db.write(write)


async def _is_due(office: Office, held: Held, wanted: Sequence[str]) -> bool:
    now = office.now()
    has_all = set(wanted) <= set(held.names)
    if held.due > now:
        return not has_all and not held.failures and bool(held.chain)
    if not held.chain or not has_all or now >= _late(held):
        return True
    moment = await _renewal_time(office, held)
    if moment <= now:
        return True
    due = min(moment, now + DAY_MS)
    await office.db.write(lambda tx: rows.postpone(tx, held.name, due))
    return False


def _late(held: Held) -> int:
    """When two thirds of its life are over."""
    return held.issued + (held.expires - held.issued) * 2 // 3


async def _renewal_time(office: Office, held: Held) -> int:
    """When the authority wants it renewed, at the latest when two thirds are over."""
    order = await _order_of(office, present=held.chain)
    with contextlib.suppress(AcmeFailed):  # it can't be asked: our own rule holds
        moment = await acme.renewal_time(order)
        if moment is not None:
            return min(int(moment.timestamp() * 1000), _late(held))
    return _late(held)


async def _claimed(office: Office, held: Held) -> bool:
    now = office.now()
    return await office.db.write(lambda tx: rows.claim(tx, held.name, held.due, now))


async def _issued(
    office: Office, held: Held, order: Order, resolver: Resolver
) -> tuple[Issued, Challenge]:
    """Prove the names as the last time, else in the first way; after a failure in the next."""
    ways = await proofs.ways(office, order.names)
    if not ways:
        raise AcmeFailed(
            "the names can't be proven: there is no http or https listener, and no DNS provider"
        )
    ways.sort(key=lambda one: one != held.way)
    way = ways[held.failures % len(ways)]
    order = msgspec.structs.replace(order, challenge=way)
    async with proofs.proving(office, way, resolver) as prover:
        try:
            return await acme.issue(order, prover), way
        except AcmeFailed as error:
            raise AcmeFailed(f"{error} ({way})", error.retry_after) from error


async def _order(
    office: Office,
    held: Held,
    wanted: Sequence[str],
    resolver: Resolver,
    *,
    changes_key: bool = False,
) -> None:
    """One order, with its result in the row and in the log; perhaps with the next key."""
    settings = office.config.acme
    next_key = held.next_key if changes_key else None
    sealed_key = held.key if next_key is None else next_key
    key = open_sealed(office.directory.secrets.seal, sealed_key, rows.context(held.name))
    order = await _order_of(office, key=key.decode(), names=tuple(wanted))

    try:
        issued, way = await _issued(office, held, order, resolver)
    except AcmeFailed as error:
        due = office.now() + max(pause(held.failures), error.retry_after * 1000)
        reason = str(error)
        await office.db.write(lambda tx: rows.failed(tx, held.name, reason, due))
        sink.emit(CertificateFailed(name=held.name, reason=reason))
        return
    expires = _expires(issued.chain)
    now = office.now()

    def write(tx: Tx) -> None:
        sealed = seal(office.directory.secrets.seal, order.account_key.encode(), _ACCOUNT)
        rows.put_account(tx, settings.directory, sealed, issued.account)
        due = min(now + DAY_MS, now + (expires - now) * 2 // 3)
        rows.put(tx, held.name, wanted, issued.chain, issued=now, expires=expires, due=due)
        rows.proven(tx, held.name, way)
        if next_key is not None:
            rows.use_next_key(tx, held.name, next_key)

    await office.db.write(write)
    sink.emit(CertificateIssued(name=held.name, names=tuple(wanted), expires=expires))


async def _order_of(
    office: Office, *, key: str = "", names: tuple[str, ...] = (), present: str = ""
) -> Order:
    """An order with the account that we have, or with a new key for one."""
    settings = office.config.acme
    found = await office.directory.look(partial(rows.account, directory=settings.directory))
    if found is None:
        account_key, url = new_key(), ""
    else:
        sealed, url = found
        account_key = open_sealed(office.directory.secrets.seal, sealed, _ACCOUNT)
    return Order(
        directory=settings.directory,
        account_key=account_key.decode(),
        account=url,
        contact=settings.contact,
        key=key,
        names=names,
        present=present,
        trust=settings.ca_file or "",
    )


def pause(failures: int) -> int:
    """Milliseconds to wait after so many failures before this one: 1, 2, 4 .. at most 24 h."""
    return min(HOUR_MS << min(failures, 5), DAY_MS)


def _expires(chain: str) -> int:
    certificate = x509.load_pem_x509_certificates(chain.encode())[0]
    return int(certificate.not_valid_after_utc.timestamp() * 1000)


def _view_of_file(given: Given, hostname: str) -> CertificateView:
    return CertificateView(
        name=hostname,
        names=given.names,
        state="from a file" if not given.problem else "from a file that is wrong",
        issued=given.begins,
        expires=given.ends,
        next_look=None,
        problem=given.problem,
        file=given.file,
    )


def _view(held: Held) -> CertificateView:
    state = "there" if held.chain else "wanted"
    if held.problem:
        state += ", the latest order failed"
    if held.next_key is not None:
        state += ", its key is being changed"
    return CertificateView(
        name=held.name,
        names=held.names,
        state=state,
        issued=names.moment(held.issued) if held.chain else None,
        expires=names.moment(held.expires) if held.chain else None,
        next_look=names.moment(held.due),
        problem=held.problem,
    )
