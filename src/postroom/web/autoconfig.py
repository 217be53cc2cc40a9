"""Mozilla's autoconfig: the document that Thunderbird, K-9 and Evolution ask for.

``GET http(s)://autoconfig.DOMAIN/mail/config-v1.1.xml?emailaddress=..`` or
``https://DOMAIN/.well-known/autoconfig/mail/config-v1.1.xml``; draft-ietf-mailmaint-autoconfig.
"""

from collections.abc import Iterator
from typing import Final

from postroom.address import Domain
from postroom.admin.client_settings import ClientSettings, Service
from postroom.message.xmltext import escaped

_SOCKETS: Final = {"implicit": "SSL", "starttls": "STARTTLS"}


def document(settings: ClientSettings) -> bytes:
    """The clientConfig of a domain; the program puts the person's address in."""
    domain, title = escaped(settings.domain), escaped(Domain(settings.domain).unicode)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f' <emailProvider id="{domain}">',
        f"  <domain>{domain}</domain>",
        f"  <displayName>{title}</displayName>",
        f"  <displayShortName>{title}</displayShortName>",
    ]
    for protocol in ("imap", "pop3"):
        for service in settings.of(protocol):
            lines += _server("incomingServer", protocol, settings.hostname, service)
    for service in settings.of("smtp"):
        lines += _server("outgoingServer", "smtp", settings.hostname, service)
    lines += [" </emailProvider>", "</clientConfig>"]
    return ("\n".join(lines) + "\n").encode()


def _server(element: str, kind: str, hostname: str, service: Service) -> Iterator[str]:
    yield f'  <{element} type="{kind}">'
    yield f"   <hostname>{escaped(hostname)}</hostname>"
    yield f"   <port>{service.port}</port>"
    yield f"   <socketType>{_SOCKETS[service.encryption]}</socketType>"
    yield "   <authentication>password-cleartext</authentication>"
    yield "   <username>%EMAILADDRESS%</username>"
    yield f"  </{element}>"
