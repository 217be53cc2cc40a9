"""The DNS records of a domain: which there should be, and which there are.

``records`` tells them from what is known here; ``check`` asks the servers of their zones.
"""

import asyncio
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import dkim, domains, names, pacc
from postroom.admin.client_settings import client_settings, open_doors
from postroom.admin.dns import states
from postroom.admin.dns.authority import PORT, Authorities, NoZone
from postroom.admin.dns.compare import Judged, State, compare, spf_verdict, text
from postroom.admin.dns.plan import Known, Wanted, plan
from postroom.admin.office import Office
from postroom.admin.own_addresses import public_addresses
from postroom.admin.tls import key_change
from postroom.directory import certificates
from postroom.directory.certificates import Held
from postroom.mailauth import spf
from postroom.net import checks
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.net.fetch import Rules
from postroom.net.tls import digest, key_digest

_AUTHORITIES: Final = {  # their names in CAA records
    "https://acme-v02.api.letsencrypt.org/directory": "letsencrypt.org",
}
AT_ONCE: Final = 8  # records that are looked up side by side


class Row(Wanted, frozen=True, kw_only=True):
    """A wanted record and what was found of it; ``state`` is None when nobody looked."""

    state: State | None = None
    found: tuple[str, ...] = ()
    fix: str = ""


async def records(office: Office, domain: str, *, resolver: Resolver) -> list[Row]:
    """Every record that the domain should have."""
    known = await _known(office, domain, resolver)
    return [_row(one) for one in plan(known)]


async def check(office: Office, domain: str, *, resolver: Resolver, port: int = PORT) -> list[Row]:
    """The same, each compared with what the servers of its zone say.

    ``port`` is where they answer. What nobody tells is "unknown", never "missing".
    """
    known = await _known(office, domain, resolver)
    async with Authorities(resolver, port=port) as authorities:
        rows = await _Examination(known, resolver, authorities).rows()
    await states.note(office, known.domain, rows)
    return rows


class _Examination:
    """One check of a domain."""

    def __init__(self, known: Known, resolver: Resolver, authorities: Authorities) -> None:
        self._known = known
        self._resolver = resolver
        self._authorities = authorities
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def rows(self) -> list[Row]:
        wanted = plan(self._known)
        judged = await asyncio.gather(*map(self._judge, wanted))
        return [_row(one, verdict) for one, verdict in zip(wanted, judged, strict=True)]

    async def _judge(self, wanted: Wanted) -> Judged:
        async with self._slots:
            try:
                return await self._compared(wanted)
            except LookupFailed as error:
                return Judged("unknown", (), f"{error.reason}; try again later")
            except InvalidName as error:
                return Judged("unknown", (), str(error))
            except NoZone as error:
                return Judged("missing", (), str(error))

    async def _compared(self, wanted: Wanted) -> Judged:
        if wanted.type == "PTR":  # its zone is the provider's: what everybody sees counts
            found = await self._resolver.lookup(wanted.name, "PTR")
            return _with_note(compare(wanted, found.records), wanted)
        answer = await self._authorities.lookup(wanted.name, wanted.type)
        judged = compare(wanted, answer.records)
        if wanted.type == "CNAME" and judged.state == "missing":
            return await self._leads_here(wanted, judged)
        if wanted.use == "SPF" and judged.state == "ok":
            return await self._spf(wanted, judged)
        return judged

    async def _leads_here(self, wanted: Wanted, judged: Judged) -> Judged:
        """Instead of an alias the name may have our addresses."""
        found: list[str] = []
        for kind in ("A", "AAAA"):
            answer = await self._authorities.lookup(wanted.name, kind)
            found += map(text, answer.records)
        ours = {str(address) for address in self._known.addresses}
        if found and ours and set(found) <= ours:
            return Judged("ok", tuple(found))
        return Judged("different", tuple(found), judged.fix) if found else judged

    async def _spf(self, wanted: Wanted, judged: Judged) -> Judged:
        """Whether the record that is there lets us send."""
        for address in self._known.addresses:
            evaluation = spf.check_host(
                address,
                self._known.domain,
                f"postmaster@{self._known.domain}",
                helo=self._known.hostname,
                receiver=self._known.hostname,
                time=0,
            )
            result = await checks.run(evaluation, self._resolver, Rules())
            verdict = spf_verdict(
                wanted, judged.found[0], result.outcome, str(address), result.problem
            )
            if verdict.state != "ok":
                return verdict
        return judged


async def _known(office: Office, domain: str, resolver: Resolver) -> Known:
    """Everything that the records of a domain follow from; the domain must be ours."""
    found = await domains.show(office, names.domain(domain).ascii)
    keys = await dkim.ensure_keys(office, found.ascii)
    config = office.config
    present, following = await tlsa_digests(office)
    document = pacc.document(client_settings(config, found.ascii))
    return Known(
        domain=found.ascii,
        hostname=config.hostname.lower(),
        addresses=await public_addresses(config, resolver),
        dkim=[(key.name, key.value) for key in keys if key.state != "retired"],
        ports=open_doors(config),
        sts_mode=config.tls.mta_sts,
        authority=_AUTHORITIES.get(config.acme.directory, "") if config.acme.accept_terms else "",
        pacc="" if document is None else pacc.record(document),
        tlsa=present,
        next_tlsa=following,
    )


async def tlsa_digests(office: Office) -> tuple[str, str]:
    """Of the key that the server has, and of the one that it changes to; "" for none."""
    return await _key_digest(office), key_change.next_digest(office, await _held(office))


async def has_lasting_key(office: Office) -> bool:
    """Whether the key stays: it is not that of a self-signed certificate soon to be replaced."""
    config = office.config
    if config.tls.certificate is not None or not config.acme.accept_terms:
        return True
    held = await _held(office)
    return held is not None and bool(held.chain)


async def domain_of_server(office: Office) -> str:
    """The own domain that the server's name is in; "" when it is in none."""
    name = office.config.hostname.lower()
    while "." in name:
        if await office.directory.is_own(names.domain(name)):
            return name
        name = name.partition(".")[2]
    return ""


async def _key_digest(office: Office) -> str:
    """Of the certificate that the server shows; "" before there is one."""
    config = office.config
    if config.tls.certificate is not None:
        return await asyncio.to_thread(key_digest, Path(config.tls.certificate))
    held = await _held(office)
    if held is not None and held.chain:
        return digest(held.chain.encode())
    path = config.folder / "tls" / "self-signed.pem"
    return await asyncio.to_thread(key_digest, path) if path.exists() else ""


async def _held(office: Office) -> Held | None:
    """The server's certificate from an authority."""
    if office.config.tls.certificate is not None:
        return None
    hostname = office.config.hostname.lower()
    return await office.directory.look(lambda tx: certificates.find(tx, hostname))


def _with_note(judged: Judged, wanted: Wanted) -> Judged:
    if judged.state == "ok":
        return judged
    return msgspec.structs.replace(judged, fix=f"{judged.fix}; {wanted.note}")


def _row(wanted: Wanted, judged: Judged | None = None) -> Row:
    row = Row(**msgspec.structs.asdict(wanted))
    if judged is None:
        return row
    return msgspec.structs.replace(row, state=judged.state, found=judged.found, fix=judged.fix)
