"""Certificates of strangers, as far as DANE needs them: read once, then asked.

``read`` gives None for what is no sound certificate; nothing here raises. Certificates that
carry a critical extension which is not understood here count as not sound, and signatures by
MD5 or SHA-1 count as none.

RFC 5280 §4.1 (the outer form), §4.2.1 (extensions), §6.1 (what an issuer must be); RFC 6125
§6.4 (names: one wildcard, and the whole first label of it).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MAX_SIZE: Final = 64 * 1024  # octets of one certificate
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_BEFORE_KEY: Final = 5  # serialNumber, signature, issuer, validity, subject
_WEAK: Final = (hashes.MD5, hashes.SHA1)
_SERVER: Final = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_UNDERSTOOD: Final = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.CertificatePolicies,
    x509.NameConstraints,
)
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that could be read; ``names`` are in lower case."""

    der: bytes
    parsed: x509.Certificate
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    is_authority: bool  # its own extensions allow it to issue
    path_length: int | None  # authorities that may stand below it; None: any number
    permitted: tuple[str, ...]  # the domains whose names it may vouch for; (): any
    excluded: tuple[str, ...]  # the domains whose names it may not vouch for
    is_server: bool  # its extended key usage allows a TLS server

    @property
    def validity(self) -> str:
        """From when to when it holds, in words."""
        return f"from {self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}"

    @property
    def called(self) -> str:
        """Whose it is: the first names in it."""
        return ", ".join(self.names[:5]) or "nobody"

    def is_valid(self, now: datetime) -> bool:
        """True when it has begun and not expired."""
        return self.not_before <= now <= self.not_after

    def has_name(self, wanted: Iterable[str]) -> bool:
        """True when it is for one of these host names."""
        for name in wanted:
            host = name.removesuffix(".").lower()
            parent = host.partition(".")[2]
            if host in self.names or ("." in parent and f"*.{parent}" in self.names):
                return True
        return False

    def may_vouch(self, server: "Certificate", below: int) -> bool:
        """True when it is an authority that may stand above this server's certificate.

        ``below`` is the number of authorities between them. Of the name constraints those of
        host names count (RFC 5280 §4.2.1.10), because nothing else in it is relied upon.
        """
        return (
            self.is_authority
            and (self.path_length is None or below <= self.path_length)
            and (not self.permitted or all(_is_in(n, self.permitted) for n in server.names))
            and not any(_is_in(name, self.excluded) for name in server.names)
        )

    def is_issued_by(self, issuer: "Certificate") -> bool:
        """True when the issuer's name stands in it and the issuer's key signed it."""
        if self._is_weak():
            return False
        try:
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except (*_UNREADABLE, InvalidSignature):
            return False
        return True

    def is_signed_by(self, public_key: bytes) -> bool:
        """True when the key (a SubjectPublicKeyInfo in DER) signed it."""
        signature, content = self.parsed.signature, self.parsed.tbs_certificate_bytes
        try:
            key = serialization.load_der_public_key(public_key)
            how = self.parsed.signature_algorithm_parameters
            algorithm = self.parsed.signature_hash_algorithm
            if self._is_weak():
                return False
            if (
                isinstance(key, rsa.RSAPublicKey)
                and isinstance(how, padding.PKCS1v15 | padding.PSS)
                and algorithm is not None
            ):
                key.verify(signature, content, how, algorithm)
            elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
                key.verify(signature, content, how)
            elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
                key.verify(signature, content)
            else:
                return False
        except (*_UNREADABLE, InvalidSignature):
            return False
        return True

    def _is_weak(self) -> bool:
        try:
            return isinstance(self.parsed.signature_hash_algorithm, _WEAK)
        except _UNREADABLE:
            return True


def read(der: bytes) -> Certificate | None:
    """The certificate in these octets; None when they are none."""
    if len(der) > MAX_SIZE:
        return None
    try:
        found = x509.load_der_x509_certificate(der)
        extensions = {type(each.value): each for each in found.extensions}
        if any(each.critical for kind, each in extensions.items() if kind not in _UNDERSTOOD):
            return None
        values = [each.value for each in extensions.values()]
        is_authority, path_length = _authority(values)
        permitted, excluded = _constraints(values)
        return Certificate(
            der=der,
            parsed=found,
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            names=_names(found, values),
            is_authority=is_authority,
            path_length=path_length,
            permitted=permitted,
            excluded=excluded,
            is_server=_is_server(values),
        )
    except _UNREADABLE:
        return None


def public_key_info(der: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo of a certificate, as it stands (RFC 5280 §4.1); None: nowhere.

    Cut out and not written anew, because its digest is compared.
    """
    try:
        at, _ = _inside(der, 0, _SEQUENCE)  # Certificate
        at, end = _inside(der, at, _SEQUENCE)  # TBSCertificate
        if der[at] == _VERSION:
            _, at = _inside(der, at, _VERSION)
        for _ in range(_BEFORE_KEY):
            _, at = _inside(der, at, der[at])
        _, stop = _inside(der, at, _SEQUENCE)
    except (IndexError, ValueError):
        return None
    return der[at:stop] if stop <= end else None


def _inside(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` begins and ends (X.690 §8.1)."""
    if der[at] != tag:
        raise ValueError("another element")
    length, start = der[at + 1], at + 2
    if length >= 0x80:
        start += length - 0x80
        length = int.from_bytes(der[at + 2 : start][:8])
    if start + length > len(der):
        raise ValueError("it ends too early")
    return start, start + length


def _authority(values: Iterable[x509.ExtensionType]) -> tuple[bool, int | None]:
    """May it issue certificates, and with how many authorities below (RFC 5280 §4.2.1.9)."""
    is_authority, path_length, may_sign = False, None, True
    for value in values:
        if isinstance(value, x509.BasicConstraints):
            is_authority, path_length = value.ca, value.path_length
        elif isinstance(value, x509.KeyUsage):
            may_sign = value.key_cert_sign
    return is_authority and may_sign, path_length


def _constraints(
    values: Iterable[x509.ExtensionType],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The permitted and the excluded domains."""
    for value in values:
        if isinstance(value, x509.NameConstraints):
            return _domains(value.permitted_subtrees), _domains(value.excluded_subtrees)
    return (), ()


def _domains(subtrees: Iterable[x509.GeneralName] | None) -> tuple[str, ...]:
    names = [each.value for each in subtrees or () if isinstance(each, x509.DNSName)]
    return tuple(name.removeprefix(".").lower() for name in names)


def _is_in(name: str, domains: Iterable[str]) -> bool:
    """True when the name is one of the domains or below it; "" is above all."""
    return any(not domain or f".{name}".endswith(f".{domain}") for domain in domains)


def _is_server(values: Iterable[x509.ExtensionType]) -> bool:
    usages = [value for value in values if isinstance(value, x509.ExtendedKeyUsage)]
    return not usages or not _SERVER.isdisjoint(usages[0])


def _names(found: x509.Certificate, values: Iterable[x509.ExtensionType]) -> tuple[str, ...]:
    """The host names; the common name only where there is no other (RFC 7672 §3.2.3)."""
    names: list[str] = []
    for value in values:
        if isinstance(value, x509.SubjectAlternativeName):
            names += value.get_values_for_type(x509.DNSName)
    if not names:
        common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [each.value for each in common if isinstance(each.value, str)]
    return tuple(name.removesuffix(".").lower() for name in names)
