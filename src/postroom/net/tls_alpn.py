"""Proves to a certificate authority that a name leads here, inside a TLS handshake (RFC 8737).

Whoever offers the protocol ``acme-tls/1`` for a name that is to be proven sees a certificate
made for that; everybody else sees the usual one. Only the first message of a handshake tells
what is offered, before the certificate is chosen, and Python hands it to nobody but the
callback for messages of a context: it is set only as long as there is something to prove.
"""

import datetime as dt
import hashlib
import ssl
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postroom.net import client_hello

PROTOCOL: Final = "acme-tls/1"
IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")  # id-pe-acmeIdentifier
_DER_OCTETS: Final = 4  # OCTET STRING
_DAYS: Final = 7


class Proofs:
    """What is to be proven at the moment, on the contexts that ``watch`` was told of."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is where keys lie for the moment that they are loaded."""
        self._folder = folder
        self._watched: list[ssl.SSLContext] = []
        self._shown: dict[str, ssl.SSLContext] = {}
        self._asking: weakref.WeakSet[Any] = weakref.WeakSet()

    def watch(self, context: ssl.SSLContext) -> None:
        """Handshakes that begin on this context may ask for proofs."""
        self._watched.append(context)
        self._listen()

    def show(self, answers: Mapping[str, str]) -> None:
        """Prove these names from now on, and no others: key authorizations by name.

        Blocks for a millisecond each.
        """
        lowered = {name.lower(): answer for name, answer in answers.items()}
        self._shown = {name: self._context(name, answer) for name, answer in lowered.items()}
        self._listen()

    def chosen(self, connection: object, name: str | None) -> ssl.SSLContext | None:
        """The context for somebody who asks for the proof of a name; None for anybody else."""
        return self._shown.get((name or "").lower()) if connection in self._asking else None

    def _listen(self) -> None:
        heard = self._heard if self._shown else None
        for context in self._watched:
            context._msg_callback = heard  # type: ignore[attr-defined]  # noqa: SLF001

    def _heard(
        self, connection: object, direction: str, _version: Any, _type: Any, _kind: Any, data: bytes
    ) -> None:
        if direction == "read" and PROTOCOL.encode() in client_hello.protocols(data):
            self._asking.add(connection)

    def _context(self, name: str, answer: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols([PROTOCOL])
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:  # its key is worth nothing
            file.write(proof(name, answer, dt.datetime.now(dt.UTC)))
            file.flush()
            context.load_cert_chain(file.name)
        return context


def proof(name: str, answer: str, now: dt.datetime) -> bytes:
    """Key and certificate of RFC 8737 §3 as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    digest = hashlib.sha256(answer.encode()).digest()
    value = bytes([_DER_OCTETS, len(digest)]) + digest
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(IDENTIFIER, value), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)
