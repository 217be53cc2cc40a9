"""Apple's configuration profile: one file that sets up Mail on an iPhone, iPad or Mac.

A property list with one payload ``com.apple.mail.managed``, signed with the certificate of the
server (CMS, RFC 5652), so that the device shows whose it is. It holds no password: the device
asks for it.
"""

import plistlib
import uuid
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from postroom.address import Domain
from postroom.admin.client_settings import ClientSettings, Service

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def profile(settings: ClientSettings, address: str) -> bytes | None:
    """The profile for an address, not signed; None without IMAP and SMTP.

    It is the same whenever it is asked for. A device that is given a profile whose identifier it
    knows replaces the one it has: so each address has an identifier, and a person may have several.
    """
    imap, smtp = settings.of("imap"), settings.of("smtp")
    if not imap or not smtp:
        return None
    domain, title = settings.domain, Domain(settings.domain).unicode
    display = f"{address.rpartition('@')[0]}@{title}"
    identifier = f"{_reversed(domain)}.postroom.{_uuid('profile', address).lower()}"
    mail = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.mail",
        "PayloadUUID": _uuid("mail", address),
        "PayloadDisplayName": f"Mail of {title}",
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": display,
        "EmailAddress": address,
        **_server("Incoming", settings.hostname, imap[0], address),
        **_server("Outgoing", settings.hostname, smtp[0], address),
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": identifier,
            "PayloadUUID": _uuid("profile", address),
            "PayloadDisplayName": f"Mail for {display}",
            "PayloadOrganization": title,
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [mail],
        }
    )


def signed(octets: bytes, chain: Sequence[x509.Certificate], key: Key) -> bytes:
    """The profile inside a CMS signature, in DER; ``chain`` begins with the server's own."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(octets)
    builder = builder.add_signer(chain[0], key, hashes.SHA256())
    for certificate in chain[1:]:
        builder = builder.add_certificate(certificate)
    options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
    return builder.sign(Encoding.DER, options)


def _server(
    side: str, hostname: str, service: Service, address: str
) -> dict[str, str | int | bool]:
    return {
        f"{side}MailServerAuthentication": "EmailAuthPassword",
        f"{side}MailServerHostName": hostname,
        f"{side}MailServerPortNumber": service.port,
        f"{side}MailServerUseSSL": True,
        f"{side}MailServerUsername": address,
    }


def _reversed(domain: str) -> str:
    return ".".join(reversed(domain.split(".")))


def _uuid(kind: str, address: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"postroom:{kind}:{address}")).upper()
