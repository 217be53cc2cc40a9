"""What types can't say: settings that must fit each other or be an address, a network.

Each check yields ``(setting, reason)``.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from postroom.address import AddressError, Domain
from postroom.config.connections import Dnsbl, pattern
from postroom.config.delivery import Delivery
from postroom.config.filters import Filter
from postroom.config.ldap import Ldap
from postroom.config.model import Config, Listen
from postroom.config.oauth import Oauth
from postroom.config.oidc import Oidc
from postroom.errors import ConfigurationError

Fault = tuple[str, str]


def check(config: Config, source: str = "configuration") -> Config:
    """The same config; raises ConfigurationError with the first fault found."""
    for setting, reason in faults(config):
        raise ConfigurationError(f"{source}: {setting}: {reason}")
    return config


def faults(config: Config) -> Iterator[Fault]:
    """Everything that is wrong."""
    yield from _hostname(config.hostname)
    yield from _database(config.database)
    yield from _path("data", config.data)
    yield from _path("tls.certificate", config.tls.certificate)
    yield from _path("tls.key", config.tls.key)
    yield from _path("tls.client_ca_file", config.tls.client_ca_file)
    yield from _path("acme.ca_file", config.acme.ca_file)
    if not config.acme.directory.startswith("https://"):
        yield "acme.directory", "must begin with https://"
    yield from _oauth(config.oauth)
    yield from _oidc(config.oidc)
    yield from _ldap(config.ldap)
    yield from _networks("trusted", config.trusted)
    yield from _networks("webhooks.private_networks", config.webhooks.private_networks)
    yield from _path("webhooks.ca_file", config.webhooks.ca_file)
    for number, listen in enumerate(config.listen):
        yield from _listen(f"listen[{number}]", listen)
    yield from _twice(config.listen)
    if (config.tls.certificate is None) != (config.tls.key is None):
        missing = "key" if config.tls.key is None else "certificate"
        yield f"tls.{missing}", "certificate and key are needed together"
    for number, server in enumerate(config.dns.servers):
        yield from _server(f"dns.servers[{number}]", server)
    for number, address in enumerate(config.dns.public_addresses):
        if not (_is_ip(address, 4) or _is_ip(address, 6)):
            yield f"dns.public_addresses[{number}]", f"{address!r} is not an IP address"
    yield from _networks("connections.exempt", config.connections.exempt)
    yield from _lists(config)
    for number, one in enumerate(config.filter):
        yield from _filter(f"filter[{number}]", one)
    yield from _delivery(config.delivery)
    if config.limits.hard_errors < config.limits.soft_errors:
        yield "limits.hard_errors", "must not be below soft_errors"


def _hostname(hostname: str) -> Iterator[Fault]:
    try:
        if Domain.parse(hostname).is_literal:
            yield "hostname", f"{hostname!r} is an address; a name is needed"
    except AddressError as error:
        yield "hostname", str(error)


def _database(url: str | None) -> Iterator[Fault]:
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        yield "database", "must begin with postgresql://"


def _path(setting: str, path: str | None) -> Iterator[Fault]:
    if path == "":
        yield setting, "a path is needed"
    elif path and "\0" in path:
        yield setting, "a path cannot hold NUL"


def _oauth(oauth: Oauth) -> Iterator[Fault]:
    yield from _identity(
        "oauth", oauth, "introspection", oauth.introspection, "tokens and our secret go"
    )


def _oidc(oidc: Oidc) -> Iterator[Fault]:
    yield from _identity("oidc", oidc, "issuer", oidc.issuer, "our secret goes")


def _identity(
    table: str, settings: Oauth | Oidc, name: str, url: str | None, what: str
) -> Iterator[Fault]:
    """Somebody who tells us who people are, at the URL of the setting ``name``."""
    yield from _path(f"{table}.client_secret_file", settings.client_secret_file)
    yield from _path(f"{table}.ca_file", settings.ca_file)
    if url is None:
        return
    if not url.startswith("https://"):
        yield f"{table}.{name}", f"must begin with https:// ({what} there)"
    if not settings.client_id:
        yield f"{table}.client_id", f"is needed with {name}"
    if settings.client_secret_file is None:
        yield f"{table}.client_secret_file", f"is needed with {name}"
    if not settings.claim:
        yield f"{table}.claim", f"is needed with {name}"


def _ldap(ldap: Ldap) -> Iterator[Fault]:
    yield from _path("ldap.ca_file", ldap.ca_file)
    yield from _path("ldap.password_file", ldap.password_file)
    if ldap.url is None:
        return
    if not _is_ldap(ldap.url):
        yield "ldap.url", "must be like ldaps://ldap.example.org or ldap://ldap.example.org:389"
    elif ldap.url.startswith("ldap://") and not ldap.start_tls and not _is_here(ldap.url):
        yield "ldap.start_tls", "is needed: passwords would be readable on the way"
    if not ldap.base:
        yield "ldap.base", "is needed with url"
    if "{address}" not in ldap.filter and "{local}" not in ldap.filter:
        yield "ldap.filter", "must hold {address} or {local}: it would find anybody"
    if bool(ldap.bind_dn) != (ldap.password_file is not None):
        yield "ldap.password_file", "bind_dn and password_file are needed together"


def _is_ldap(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    return parts.scheme in {"ldap", "ldaps"} and bool(parts.hostname) and is_bare


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(setting: str, listen: Listen) -> Iterator[Fault]:
    if listen.address not in {"", "localhost"}:
        try:
            ipaddress.ip_address(listen.address)
        except ValueError:
            yield f"{setting}.address", f"{listen.address!r} is not an IP address"
    if listen.auth == "plain" and not listen.is_loopback:
        yield f"{setting}.auth", '"plain" needs a loopback address: passwords would be readable'
    yield from _networks(f"{setting}.relay_from", listen.relay_from)


def _lists(config: Config) -> Iterator[Fault]:
    for number, dnsbl in enumerate(config.dnsbl):
        yield from _dnsbl(f"dnsbl[{number}]", dnsbl)
    for number, zone in enumerate(config.alerts.blocklists):
        yield from _zone(f"alerts.blocklists[{number}]", zone)
    for name, often in config.digest.places:
        yield from _zone(f"digest.{often}", name)


def _zone(setting: str, zone: str) -> Iterator[Fault]:
    try:
        if Domain.parse(zone).is_literal:
            yield setting, f"{zone!r} is an address; a name is needed"
    except AddressError as error:
        yield setting, str(error)


def _dnsbl(setting: str, dnsbl: Dnsbl) -> Iterator[Fault]:
    yield from _zone(f"{setting}.zone", dnsbl.zone)
    for number, answer in enumerate(dnsbl.answers):
        try:
            pattern(answer)
        except ValueError as error:
            yield f"{setting}.answers[{number}]", str(error)
    if dnsbl.refuse and dnsbl.score < 0:
        yield f"{setting}.refuse", "a list of good ones (a score below 0) refuses nobody"


def _filter(setting: str, one: Filter) -> Iterator[Fault]:
    try:
        _ = one.place
    except ValueError as error:
        yield f"{setting}.address", str(error)


def _delivery(delivery: Delivery) -> Iterator[Fault]:
    yield from _networks("delivery.allow_private", delivery.allow_private)
    yield from _path("delivery.ca_file", delivery.ca_file)
    for version in (4, 6):
        source = delivery.source_ipv4 if version == 4 else delivery.source_ipv6
        if source is not None and not _is_ip(source, version):
            yield f"delivery.source_ipv{version}", f"{source!r} is not an IPv{version} address"
    if 60 * delivery.give_up_hours <= delivery.first_retry_minutes:
        yield "delivery.give_up_hours", "must be longer than first_retry_minutes"
    if delivery.longest_retry_minutes < delivery.first_retry_minutes:
        yield "delivery.longest_retry_minutes", "must not be below first_retry_minutes"


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _twice(listeners: Iterable[Listen]) -> Iterator[Fault]:
    taken: dict[tuple[str, int], int] = {}
    for number, listen in enumerate(listeners):
        first = taken.setdefault((listen.address, listen.port), number)
        if first != number and listen.port:
            yield f"listen[{number}].port", f"{listen.port} is taken by listen[{first}]"


def _networks(setting: str, networks: Iterable[str]) -> Iterator[Fault]:
    for number, text in enumerate(networks):
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            yield f"{setting}[{number}]", f"not a network: {error}"
            continue
        if network.prefixlen == 0:
            yield f"{setting}[{number}]", f"{text} is everybody"


def _server(setting: str, server: str) -> Iterator[Fault]:
    host, port = server, "53"
    if server.startswith("["):
        host, _, port = server[1:].partition("]:")
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    try:
        ipaddress.ip_address(host)
        is_valid = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    except ValueError:
        is_valid = False
    if not is_valid:
        yield setting, f'{server!r} is not an address like "192.0.2.53" or "[::1]:5353"'
