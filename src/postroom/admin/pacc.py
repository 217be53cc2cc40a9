"""PACC: one JSON document for any program, whose digest stands in DNS.

``GET https://ua-auto-config.DOMAIN/.well-known/user-agent-configuration.json``; the TXT record
``_ua-auto-config.DOMAIN`` holds the SHA-256 of exactly these octets. Ports are not told: a
program takes the standard ones with TLS. draft-ietf-mailmaint-pacc-02, and -03, where submission
is called submit rather than smtp: both names are told, as programs read past those they don't know.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from postroom.admin.client_settings import ClientSettings, Service

_STANDARD: Final[Mapping[str, Service]] = {
    "imap": Service("imap", 993, "implicit"),
    "pop3": Service("pop3", 995, "implicit"),
    "submit": Service("smtp", 465, "implicit"),
    "smtp": Service("smtp", 465, "implicit"),
    "managesieve": Service("managesieve", 4190, "starttls"),
}
_NAME: Final = 60  # letters of a provider's name at most
_SHORT: Final = 20  # of its short one


def document(settings: ClientSettings) -> bytes | None:
    """The document; None when no door is where a program would look for it."""
    protocols = {
        name: {"host": settings.hostname}
        for name, service in _STANDARD.items()
        if service in settings.services
    }
    if not protocols:
        return None
    provider = {"name": settings.domain[:_NAME]}
    if len(settings.domain) <= _SHORT:
        provider["shortName"] = settings.domain
    return msgspec.json.encode(
        {
            "protocols": protocols,
            "authentication": {"password": True},
            "info": {"provider": provider},
        }
    )


def record(octets: bytes) -> str:
    """The text of the TXT record for a document."""
    digest = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    return f"v=UAAC1; a=sha256; d={digest}"
