"""DANE for SMTP: which certificate chains a mail host's TLSA records allow.

``usable`` chooses the records that count, ``matches`` holds a certificate chain against them.
With DANE-EE (3) a record names the server's own certificate or key: names and dates do not
matter. With DANE-TA (2) it names an authority: the chain must lead there by signatures, every
certificate on the way must be valid now, and the server's must carry one of the names.

The caller makes sure that the records came with DNSSEC (AD from a resolver that is trusted),
and knows the rest of RFC 7672 §2.2: a failed lookup means waiting, never plaintext; records
of which none is usable mean TLS without authentication; no records mean no DANE.

RFC 6698 §2.1 (records); RFC 7671 §5.1 (DANE-EE), §5.2 (DANE-TA), §9 (the strongest digest);
RFC 7672 §3.1 (usages for SMTP), §3.2 (names); reading certificates is ``certificates``'.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from postroom.mailauth import certificates
from postroom.mailauth.certificates import Certificate
from postroom.mailauth.tlsrpt import ResultType

DANE_TA: Final = 2
DANE_EE: Final = 3
MAX_RECORDS: Final = 100  # of one host that are looked at
MAX_CHAIN: Final = 10  # certificates of a server that are looked at
_SHA256: Final = 1
_SHA512: Final = 2
_SIZES: Final = {_SHA256: 32, _SHA512: 64}


class Tlsa(msgspec.Struct, frozen=True):
    """A TLSA record in the order of its data (RFC 6698 §2.1)."""

    usage: int
    selector: int  # 0: the whole certificate, 1: its public key
    matching: int  # 0: the octets themselves, 1: their SHA-256, 2: their SHA-512
    data: bytes

    def __str__(self) -> str:
        """As in a zone file, and in reports (RFC 8460 §4.4)."""
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The record that matched, or why none did; ``reason`` is for the log."""

    record: Tlsa | None = None
    failure: ResultType | None = None
    reason: str = ""

    @property
    def is_match(self) -> bool:
        """True when the server is the one that the records mean."""
        return self.record is not None


def base_name(host: str, port: int = 25) -> str:
    """The name of the TLSA records of a mail host (RFC 6698 §3)."""
    return f"_{port}._tcp.{host.removesuffix('.').lower()}"


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that count for SMTP: DANE-TA and DANE-EE of a known and sound form.

    SHA-256 does not count beside SHA-512 of the same usage and selector (RFC 7671 §9).
    """
    sound = [record for record in records if _is_sound(record)][:MAX_RECORDS]
    strong = {(r.usage, r.selector) for r in sound if r.matching == _SHA512}
    return tuple(r for r in sound if r.matching != _SHA256 or (r.usage, r.selector) not in strong)


def matches(
    records: Sequence[Tlsa], chain: Sequence[bytes], names: Iterable[str], now: int
) -> Verdict:
    """Hold a server's chain (DER, its own certificate first) against usable records.

    ``names`` are the names the server may have: the MX host, and the next-hop domain (RFC
    7672 §3.2.2); ``now`` is in seconds. Never raises, whatever the octets.
    """
    if not records or not chain:
        return Verdict(failure="validation-failure", reason="there is nothing to compare")
    for record in records:
        if record.usage == DANE_EE and _names(record, chain[0]):
            return Verdict(record=record)
    anchors = [record for record in records if record.usage == DANE_TA]
    if not anchors:
        reason = "no TLSA record names the server's certificate"
        return Verdict(failure="validation-failure", reason=reason)
    server = certificates.read(chain[0])
    if server is None:
        reason = "the server's certificate can't be read"
        return Verdict(failure="certificate-not-trusted", reason=reason)
    moment = datetime.fromtimestamp(now, UTC)
    if not server.is_valid(moment):
        reason = f"the server's certificate is valid {server.validity} only"
        return Verdict(failure="certificate-expired", reason=reason)
    wanted = tuple(names)
    if not server.has_name(wanted):
        reason = f"the server's certificate is for {server.called}, not for {' or '.join(wanted)}"
        return Verdict(failure="certificate-host-mismatch", reason=reason)
    return _Path(server, anchors, chain[1:MAX_CHAIN], moment).follow()


def _is_sound(record: Tlsa) -> bool:
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in (0, 1):
        return False
    if record.matching == 0:
        return bool(record.data)
    return _SIZES.get(record.matching) == len(record.data)


def _names(record: Tlsa, der: bytes) -> bool:
    """True when the record's selector and matching type give its data for this certificate."""
    octets = der if record.selector == 0 else certificates.public_key_info(der)
    if octets is None:
        return False
    if record.matching == _SHA256:
        octets = hashlib.sha256(octets).digest()
    elif record.matching == _SHA512:
        octets = hashlib.sha512(octets).digest()
    return octets == record.data


class _Path:
    """The way from a server's certificate to an authority that a DANE-TA record names."""

    def __init__(
        self, server: Certificate, anchors: Sequence[Tlsa], others: Iterable[bytes], now: datetime
    ) -> None:
        self._server = server
        self._anchors = anchors
        self._now = now
        self._expired = ""
        # A record with a whole certificate brings its authority along (RFC 7671 §5.2.1).
        full = [r.data for r in anchors if r.selector == 0 and r.matching == 0][:MAX_CHAIN]
        found = map(certificates.read, dict.fromkeys((*others, *full)))
        self._pool = [certificate for certificate in found if certificate is not None]

    def follow(self) -> Verdict:
        """Step by step, so that the shortest way is found and no certificate comes twice."""
        if not self._server.is_server:
            reason = "the server's certificate is not meant for TLS servers"
            return Verdict(failure="certificate-not-trusted", reason=reason)
        steps = [self._server]
        below = 0  # authorities between the server and the next one
        while steps:
            issuers: list[Certificate] = []
            for step in steps:
                if record := self._signed_by_bare_key(step):
                    return Verdict(record=record)
                issuers += self._issuers(step, below)
            for issuer in issuers:
                if record := self._anchor(issuer):
                    return Verdict(record=record)
            steps = issuers
            below += 1
        if self._expired:
            return Verdict(failure="certificate-expired", reason=self._expired)
        reason = "the server's certificates lead to no authority that a TLSA record names"
        return Verdict(failure="certificate-not-trusted", reason=reason)

    def _issuers(self, certificate: Certificate, below: int) -> list[Certificate]:
        """Who signed this certificate and may do so now; they leave the pool."""
        found = []
        for other in self._pool:
            if not other.may_vouch(self._server, below) or not certificate.is_issued_by(other):
                continue
            if other.is_valid(self._now):
                found.append(other)
            else:
                self._expired = f"an authority's certificate is valid {other.validity} only"
        self._pool = [other for other in self._pool if other not in found]
        return found

    def _anchor(self, certificate: Certificate) -> Tlsa | None:
        for record in self._anchors:
            if _names(record, certificate.der):
                return record
        return None

    def _signed_by_bare_key(self, certificate: Certificate) -> Tlsa | None:
        """A record that holds a whole public key needs no certificate (RFC 7671 §5.2.2)."""
        for record in self._anchors:
            is_key = record.selector == 1 and record.matching == 0
            if is_key and certificate.is_signed_by(record.data):
                return record
        return None
