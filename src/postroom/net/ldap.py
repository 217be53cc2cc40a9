"""Is this the password of a person at an LDAP server? Asked by binding as them.

First somebody who may look for people finds the entry of an address, then its name binds with
the password. What stands for the address in the filter is escaped, so that nobody writes
filters; an empty password is never sent, as a server would take it for an anonymous bind
(RFC 4513 §5.1.2); whoever is not found is bound for all the same under a name that does not
exist, so that an answer takes as long.

Needs the extra ``ldap``. RFC 4511, RFC 4515 §3.
"""

import asyncio
import importlib.util
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from postroom.address import Address
from postroom.config.files import content
from postroom.config.ldap import Ldap as Settings
from postroom.errors import ConfigurationError, Temporary
from postroom.telemetry import sink
from postroom.telemetry.events import LdapFailed

if TYPE_CHECKING:
    import ldap3  # type: ignore[import-untyped]

THREADS: Final = 8
MAX_WAITING: Final = 64
REST: Final = 3.0  # seconds in which a server that gave no answer is not asked

_PLACE: Final = re.compile(r"\{(address|local|domain)\}")
_SUCCESS: Final = 0
_SIZE_LIMIT: Final = 4
_REFUSED: Final = frozenset({32, 34, 48, 49, 50, 53})  # of a bind, RFC 4511 appendix A


class LdapDown(Temporary):
    """The directory server gives no answer that could be used."""

    code = 454
    status = "4.7.0"
    text = "Temporary authentication failure, please try again later"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where to ask and how; see ``config.ldap.Ldap``."""

    host: str
    port: int
    is_tls: bool
    start_tls: bool
    ca_file: str | None
    bind_dn: str
    password: str
    base: str
    filter: str
    domains: frozenset[str]
    seconds: int

    def __repr__(self) -> str:
        """Without the password."""
        return f"Source({self.host!r})"


def source_of(settings: Settings) -> Source | None:
    """The source that the settings name, its file read; raises ConfigurationError."""
    if settings.url is None:
        return None
    if importlib.util.find_spec("ldap3") is None:
        raise ConfigurationError(
            "ldap.url: the library is not installed; run: pip install 'postroom[ldap]'"
        )
    url = urlsplit(settings.url)
    is_tls = url.scheme == "ldaps"
    password = ""
    if settings.password_file is not None:
        password = content("ldap.password_file", settings.password_file).strip()
    return Source(
        host=url.hostname or "",
        port=url.port or (636 if is_tls else 389),
        is_tls=is_tls,
        start_tls=settings.start_tls and not is_tls,
        ca_file=settings.ca_file,
        bind_dn=settings.bind_dn,
        password=password,
        base=settings.base,
        filter=settings.filter,
        domains=frozenset(settings.domains),
        seconds=settings.seconds,
    )


class Ldap:
    """Asks one server, a few questions at a time."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ldap")
        self._inside = 0
        self._asked_again = 0.0

    def serves(self, domain: str) -> bool:
        """Whether passwords of accounts in this domain (an A-label) are known there."""
        return not self._source.domains or domain in self._source.domains

    async def verify(self, address: Address, password: str) -> bool:
        """Whether it is the password of who has this address; raises LdapDown."""
        if not password:
            return False
        loop = asyncio.get_running_loop()
        if self._inside >= MAX_WAITING or loop.time() < self._asked_again:
            raise LdapDown(detail="the LDAP server did not answer of late")
        self._inside += 1
        try:
            return await loop.run_in_executor(self._pool, _verify, self._source, address, password)
        except LdapDown as error:
            self._asked_again = loop.time() + REST
            sink.emit(LdapFailed(reason=error.detail))
            raise
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def filter_for(template: str, address: Address) -> str:
    """The filter that finds the entry of an address, whatever the address holds."""
    from ldap3.utils.conv import escape_filter_chars  # type: ignore[import-untyped]

    parts = {"address": str(address), "local": address.local, "domain": address.domain.ascii}
    return _PLACE.sub(lambda found: escape_filter_chars(parts[found[1]]), template)


def _verify(source: Source, address: Address, password: str) -> bool:
    connection = _connection(source)
    try:
        return _ask(connection, source, address, password)
    except LdapDown:
        raise
    except Exception as error:  # ldap3 raises whatever it met: its own, of sockets, of ASN.1
        raise LdapDown(detail=f"{source.host}: {error}") from error
    finally:
        socket = connection.socket
        connection.strategy.close()
        if socket is not None:  # ldap3 leaves it open when the other side was faster
            socket.close()


def _ask(connection: "ldap3.Connection", source: Source, address: Address, password: str) -> bool:
    connection.open()
    if source.start_tls and not connection.start_tls():
        raise LdapDown(detail=f"{source.host} does not speak TLS")
    if not connection.bind():
        raise LdapDown(detail=f"{source.host}: bind_dn: {connection.result['description']}")
    found = _find(connection, source, address)
    name = found[0] if len(found) == 1 else f"cn=nobody,{source.base}"
    connection.rebind(user=name, password=password)
    code = connection.result["result"]
    if code == _SUCCESS:
        return len(found) == 1
    if code in _REFUSED:
        return False
    raise LdapDown(detail=f"{source.host}: {connection.result['description']}")


def _find(connection: "ldap3.Connection", source: Source, address: Address) -> list[str]:
    """The names of the entries of an address, two at most."""
    connection.search(
        source.base, filter_for(source.filter, address), attributes=["1.1"],
        size_limit=2, time_limit=source.seconds,
    )  # fmt: skip
    if connection.result["result"] not in {_SUCCESS, _SIZE_LIMIT}:
        raise LdapDown(detail=f"{source.host}: search: {connection.result['description']}")
    return [one["dn"] for one in connection.response if one["type"] == "searchResEntry"]


def _connection(source: Source) -> "ldap3.Connection":
    import ldap3

    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=source.ca_file)
    tls.wrap_socket = partial(_wrap, source)
    server = ldap3.Server(
        source.host, source.port, use_ssl=source.is_tls, tls=tls, get_info=ldap3.NONE,
        connect_timeout=source.seconds,
    )  # fmt: skip
    return ldap3.Connection(
        server,
        user=source.bind_dn or None,
        password=source.password or None,
        authentication=ldap3.SIMPLE if source.bind_dn else ldap3.ANONYMOUS,
        receive_timeout=source.seconds,
        auto_referrals=False,
        check_names=False,
    )


def _wrap(source: Source, connection: "ldap3.Connection", do_handshake: bool = True) -> None:
    """In place of ldap3's, which leaves the socket open when the certificate is for others."""
    context = ssl.create_default_context(cafile=source.ca_file)
    connection.socket = context.wrap_socket(
        connection.socket, server_hostname=source.host, do_handshake_on_connect=do_handshake
    )
