"""The server's certificates: from files, or self-signed until there are any.

``Certificates.context`` is asked at each handshake, so ``reload`` counts at once for new
connections and leaves open ones alone. A key is loaded once (RSA keys cost 50 ms each).
TLS 1.2 and newer, no compression, no renegotiation (RFC 8996, RFC 9325).
"""

import datetime as dt
import hashlib
import os
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from postroom.errors import ConfigurationError

SELF_SIGNED_DAYS: Final = 3650

_MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Certificates:
    """What is shown to peers. ``certificate`` and ``key`` are the paths of PEM files."""

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
        if certificate and key:
            self.certificate, self.key = Path(certificate), Path(key)
        else:
            self.certificate, self.key = self_signed(hostname, data / "tls", now)
        self._minimum = minimum
        self._client_ca = client_ca
        self._context, self._for_people = self._load()

    def context(self) -> ssl.SSLContext:
        """The context for a new handshake."""
        return self._context

    def for_people(self) -> ssl.SSLContext:
        """The same where people log in: a certificate of theirs is asked for, if that is set."""
        return self._for_people

    def signer(
        self,
    ) -> tuple[list[x509.Certificate], rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]:
        """The chain, our own certificate first, and the key, to sign with. Reads files."""
        try:
            chain = x509.load_pem_x509_certificates(self.certificate.read_bytes())
            key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(f"tls: {self.certificate} can't be used: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ConfigurationError(f"tls.key: {self.key} is neither an RSA nor an EC key")
        return chain, key

    def reload(self) -> None:
        """Read the files again; on an error (ConfigurationError) the old ones stay."""
        self._context, self._for_people = self._load()

    def _load(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        context = self._loaded()
        if self._client_ca is None:
            return context, context
        asking = self._loaded()
        asking.verify_mode = ssl.CERT_OPTIONAL
        try:
            asking.load_verify_locations(self._client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"tls.client_ca_file: {self._client_ca} can't be used ({error}); "
                "give the certificates of the authorities as PEM"
            ) from error
        return context, asking

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _MINIMUM[self._minimum]
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"tls: {self.certificate} and {self.key} can't be used ({error}); "
                "give the full chain and its private key as PEM"
            ) from error
        return context


def self_signed(hostname: str, folder: Path, now: dt.datetime) -> tuple[Path, Path]:
    """Paths of a self-signed ECDSA P-256 certificate and its key; made when missing."""
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
            x509.SubjectAlternativeName([x509.DNSName(hostname), x509.DNSName("localhost")]),
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
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{certificate} can't be read: {error}") from error
    key = found.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(key).hexdigest()


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
