"""The server's certificates: from files, from an authority, or self-signed until there are any.

``Certificates.context`` is asked at each handshake, so ``reload`` counts at once for new
connections and leaves open ones alone. A key is loaded once (RSA keys cost 50 ms each).
TLS 1.2 and newer, no compression, no renegotiation (RFC 8996, RFC 9325).
"""

import datetime as dt
import hashlib
import ipaddress
import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from postroom.errors import ConfigurationError
from postroom.net.tls_alpn import Proofs

SELF_SIGNED_DAYS: Final = 3650
_LOOPBACK: Final = ("127.0.0.1", "::1")

_MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Named(msgspec.Struct, frozen=True):
    """A certificate for some names: chain and private key as PEM."""

    names: tuple[str, ...]
    chain: bytes
    key: bytes


class Certificates:
    """What is shown to peers; ``certificate`` and ``key`` are the paths of the own PEM files.

    A peer that names a host (SNI, RFC 6066 §3) gets the certificate that is installed for it;
    any other the server's own, which is the one installed for ``hostname`` where no files are set.
    ``proofs`` are shown to an authority that asks for them at a context of ``live``.
    """

    def __init__(
        self,
        hostname: str,
        data: Path,
        *,
        certificate: str | None = None,
        key: str | None = None,
        minimum: str = "1.2",
        client_ca: str | None = None,
        now: dt.datetime,
    ) -> None:
        """Without files a self-signed certificate is made in ``data/tls`` on first use.

        ``client_ca`` is the path of the authorities for certificates of people.
        """
        self._hostname = hostname.lower()
        self._has_files = bool(certificate and key)
        self._folder = data / "tls"
        if certificate and key:
            self.certificate, self.key = Path(certificate), Path(key)
        else:
            self.certificate, self.key = self_signed(hostname, self._folder, now)
        self._minimum = minimum
        self._client_ca = client_ca
        self._own: _Pair = self._from_files()
        self._installed: dict[str, tuple[Named, _Pair]] = {}
        self.proofs = Proofs(self._folder)

    def context(self) -> ssl.SSLContext:
        """The context for a new handshake."""
        return self._default.plain

    def for_people(self) -> ssl.SSLContext:
        """The same where people log in: a certificate of theirs is asked for, if that is set."""
        return self._default.asking

    def live(self) -> ssl.SSLContext:
        """A context for a server that keeps one: each handshake shows what ``context`` would."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _MINIMUM[self._minimum]
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(["http/1.1"])

        def current(connection: ssl.SSLObject, name: str | None, _context: object) -> None:
            proof = self.proofs.chosen(connection, name)
            connection.context = proof or self._choose(name, asks=False) or self.context()

        context.sni_callback = current
        self.proofs.watch(context)
        return context

    def signer(self) -> tuple[list[x509.Certificate], Key]:
        """The own chain, the server's certificate first, and the key, to sign with."""
        named = self._installed.get(self._hostname)
        try:
            if named is not None and not self._has_files:
                octets, secret = named[0].chain, named[0].key
            else:
                octets, secret = self.certificate.read_bytes(), self.key.read_bytes()
            chain = x509.load_pem_x509_certificates(octets)
            key = serialization.load_pem_private_key(secret, None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(f"tls: {self.certificate} can't be used: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"tls.key: {self.key} is neither an RSA nor an EC key")
        return chain, key

    def reload(self) -> None:
        """Read the files again; on an error (ConfigurationError) the old ones stay."""
        self._own = self._from_files()

    def install(self, named: Sequence[Named]) -> None:
        """Show these from now on, and no others; on an error (ConfigurationError) all stays.

        Blocks for some milliseconds each.
        """
        installed: dict[str, tuple[Named, _Pair]] = {}
        for one in named:
            pair = self._from_memory(one)
            installed.update({name.lower(): (one, pair) for name in one.names})
        self._installed = installed

    @property
    def _default(self) -> "_Pair":
        found = self._installed.get(self._hostname)
        return self._own if found is None or self._has_files else found[1]

    def _choose(self, name: str | None, *, asks: bool) -> ssl.SSLContext | None:
        """The context for a name that a peer asks for; None: the one it has."""
        found = self._installed.get((name or "").lower())
        if found is None or (self._has_files and name == self._hostname):
            return None
        return found[1].asking if asks else found[1].plain

    def _from_files(self) -> "_Pair":
        return self._pair(self.certificate, self.key, None)

    def _from_memory(self, named: Named) -> "_Pair":
        """Only files can be loaded: they are there for a moment, the key under a password."""
        password = secrets.token_bytes(32).hex().encode()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            key = serialization.load_pem_private_key(named.key, None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"the key of the certificate for {named.names[0]} can't be read: {error}"
            ) from error
        closed = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
        with (
            tempfile.NamedTemporaryFile(dir=self._folder) as chain_file,
            tempfile.NamedTemporaryFile(dir=self._folder) as key_file,
        ):
            chain_file.write(named.chain)
            chain_file.flush()
            key_file.write(closed)
            key_file.flush()
            return self._pair(Path(chain_file.name), Path(key_file.name), password)

    def _pair(self, certificate: Path, key: Path, password: bytes | None) -> "_Pair":
        plain = self._loaded(certificate, key, password, asks=False)
        if self._client_ca is None:
            return _Pair(plain, plain)
        asking = self._loaded(certificate, key, password, asks=True)
        asking.verify_mode = ssl.CERT_OPTIONAL
        try:
            asking.load_verify_locations(self._client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"tls.client_ca_file: {self._client_ca} can't be used ({error}); "
                "give the certificates of the authorities as PEM"
            ) from error
        return _Pair(plain, asking)

    def _loaded(
        self, certificate: Path, key: Path, password: bytes | None, *, asks: bool
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _MINIMUM[self._minimum]
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        try:
            context.load_cert_chain(certificate, key, password)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(_trouble(certificate, key, error)) from error
        context.sni_callback = self._callback(asks=asks)
        return context

    def _callback(self, *, asks: bool) -> Callable[[ssl.SSLObject, str | None, object], None]:
        """Switches to the certificate of the name; None stays with the own."""

        def named(connection: ssl.SSLObject, name: str | None, _context: object) -> None:
            chosen = self._choose(name, asks=asks)
            if chosen is not None:
                connection.context = chosen

        return named


class _Pair(NamedTuple):
    """The contexts of one certificate: with and without asking the peer for one."""

    plain: ssl.SSLContext
    asking: ssl.SSLContext


def _trouble(certificate: Path, key: Path, error: OSError) -> str:
    """Which of the two files is wrong, how, and what to do."""
    for setting, path in (("tls.certificate", certificate), ("tls.key", key)):
        try:
            octets = path.read_bytes()
        except OSError as unread:
            return (
                f"{setting}: {path} can't be read: {unread.strerror}; name a PEM file that the user "
                "of the server may read"
            )
        if setting == "tls.certificate" and b"-----BEGIN CERTIFICATE-----" not in octets:
            return f"{setting}: {path} holds no certificate; give the full chain as PEM"
        if setting == "tls.key" and b"PRIVATE KEY-----" not in octets:
            return f"{setting}: {path} holds no private key; give that of the certificate as PEM"
    if "KEY_VALUES_MISMATCH" in str(error):
        return (
            f"tls.key: {key} is not the key of {certificate}; give the pair that was made together"
        )
    return (
        f"tls: {certificate} and {key} can't be used ({error}); give the full chain and its private "
        "key, which has no password, as PEM"
    )


def self_signed(hostname: str, folder: Path, now: dt.datetime) -> tuple[Path, Path]:
    """Paths of a self-signed ECDSA P-256 certificate and its key; made when missing.

    It is for this machine's own names and addresses, too: a program beside it may trust it.
    """
    certificate, key = folder / "self-signed.pem", folder / "self-signed.key"
    if certificate.exists() and key.exists() and _is_for(certificate, hostname):
        return certificate, key
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=SELF_SIGNED_DAYS))
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    *(x509.DNSName(one) for one in (hostname, "localhost")),
                    *(x509.IPAddress(ipaddress.ip_address(one)) for one in _LOOPBACK),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write(
        key,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    _write(certificate, built.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def key_digest(certificate: Path) -> str:
    """The SHA-256, in hex, of the public key in the first certificate of a PEM file.

    What a TLSA record 3 1 1 holds (RFC 6698 §2.1). Raises ConfigurationError.
    """
    try:
        return digest(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{certificate} can't be read: {error}") from error


def digest(chain: bytes) -> str:
    """The same of PEM text; raises ValueError."""
    return _digest(x509.load_pem_x509_certificate(chain).public_key())


def new_key() -> bytes:
    """A private key for a certificate as PEM: ECDSA P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def key_pem_digest(key: bytes) -> str:
    """What ``digest`` says of a certificate with this private key, which is PEM."""
    return _digest(serialization.load_pem_private_key(key, None).public_key())


def _digest(key: PublicKeyTypes) -> str:
    octets = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(octets).hexdigest()


def _is_for(path: Path, hostname: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound):
        return False
    return hostname in names.value.get_values_for_type(x509.DNSName)


def _write(path: Path, octets: bytes) -> None:
    """Whole or not at all, for its owner only."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb"
    ) as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
