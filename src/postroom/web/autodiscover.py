"""Microsoft's Autodiscover: what Outlook asks before it lets anybody type a host name.

Version 1 posts a small XML document to ``/autodiscover/autodiscover.xml`` and is answered with
the settings of IMAP, POP3 and SMTP (MS-OXDSCLI, schema 2006a); version 2 asks with a GET for
``/autodiscover/autodiscover.json`` where version 1 is. Who finds no TLS under the names of a domain
asks in clear with a GET, and is led to the name of the server (MS-OXDISCO, 302).

What is posted is not parsed as XML: of it two elements count, whose texts are an address and the
schema of the answer that is understood.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from postroom.admin.client_settings import ClientSettings, Service
from postroom.message.xmltext import escaped

MAX_REQUEST: Final = 64 * 1024  # octets
PATH: Final = "/autodiscover/autodiscover.xml"
PATHS_2: Final = (
    "/autodiscover/autodiscover.json",
    "/autodiscover/autodiscover.json/v1.0/{email}",
)
INVALID: Final = (600, "The request names no address of a mail domain here")
NOT_OFFERED: Final = (601, "Only the settings of IMAP, POP3 and SMTP are offered")

_ADDRESS: Final = re.compile(
    rb"<(?:[A-Za-z0-9]{1,20}:)?EMailAddress>\s{0,100}([^<>\s]{3,400})\s{0,100}</", re.IGNORECASE
)
_SCHEMA: Final = re.compile(
    rb"<(?:[A-Za-z0-9]{1,20}:)?AcceptableResponseSchema>\s{0,100}([^<>\s]{1,200})\s{0,100}</",
    re.IGNORECASE,
)
_RESPONSE: Final = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_SETTINGS: Final = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_TYPES: Final = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP"}


def asked_for(body: bytes) -> str:
    """The address in a request of version 1; "" when there is none."""
    import html

    found = _ADDRESS.search(body[:MAX_REQUEST])
    return html.unescape(found[1].decode("utf-8", "replace")) if found else ""


def is_understood(body: bytes) -> bool:
    """Whether who asks takes our answer: other schemas are of ActiveSync and Exchange."""
    found = _SCHEMA.search(body[:MAX_REQUEST])
    return found is None or found[1].decode("utf-8", "replace").casefold() == _SETTINGS


def settings_document(settings: ClientSettings, address: str) -> bytes:
    """The answer to version 1: of each protocol the door that is preferred."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<Autodiscover xmlns="{_RESPONSE}">',
        f' <Response xmlns="{_SETTINGS}">',
        f"  <User><DisplayName>{escaped(address)}</DisplayName></User>",
        "  <Account>",
        "   <AccountType>email</AccountType>",
        "   <Action>settings</Action>",
    ]
    for protocol in ("imap", "pop3", "smtp"):
        services = settings.of(protocol)
        if services:
            lines += _protocol(_TYPES[protocol], settings.hostname, services[0], address)
    lines += ["  </Account>", " </Response>", "</Autodiscover>"]
    return ("\n".join(lines) + "\n").encode()


def error_document(time: str, error: tuple[int, str]) -> bytes:
    """The answer to a request that can't be answered; ``time`` is "HH:MM:SS"."""
    code, message = error
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<Autodiscover xmlns="{_RESPONSE}">\n'
        f' <Response>\n  <Error Time="{time}" Id="0">\n'
        f"   <ErrorCode>{code}</ErrorCode>\n"
        f"   <Message>{message}</Message>\n"
        "   <DebugData />\n  </Error>\n </Response>\n</Autodiscover>\n"
    ).encode()


def where(base: str, protocol: str) -> bytes | None:
    """The answer to version 2: where version 1 answers; None for another protocol.

    ``base`` is the URL of this server, without a path.
    """
    if protocol.lower() != "autodiscoverv1":
        return None
    return msgspec.json.encode({"Protocol": "AutodiscoverV1", "Url": f"{base}{PATH}"})


def no_such_protocol(protocol: str) -> bytes:
    """The error of version 2."""
    if not protocol:
        missing = "Name the protocol: Protocol=AutodiscoverV1"
        return msgspec.json.encode(
            {"ErrorCode": "MandatoryParameterMissing", "ErrorMessage": missing}
        )
    return msgspec.json.encode(
        {
            "ErrorCode": "InvalidProtocol",
            "ErrorMessage": f"The protocol '{protocol[:40]}' is not offered; AutodiscoverV1 is",
        }
    )


def _protocol(kind: str, hostname: str, service: Service, address: str) -> Iterator[str]:
    yield "   <Protocol>"
    yield f"    <Type>{kind}</Type>"
    yield f"    <Server>{escaped(hostname)}</Server>"
    yield f"    <Port>{service.port}</Port>"
    yield f"    <LoginName>{escaped(address)}</LoginName>"
    yield "    <DomainRequired>off</DomainRequired>"
    yield "    <SPA>off</SPA>"
    yield f"    <SSL>{'on' if service.encryption == 'implicit' else 'off'}</SSL>"
    yield f"    <Encryption>{'SSL' if service.encryption == 'implicit' else 'TLS'}</Encryption>"
    yield "    <AuthRequired>on</AuthRequired>"
    if kind == "SMTP":
        yield "    <UsePOPAuth>off</UsePOPAuth>"
        yield "    <SMTPLast>off</SMTPLast>"
    yield "   </Protocol>"
