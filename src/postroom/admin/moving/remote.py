"""Mailboxes at other providers: where they are, and how one logs in there."""

import asyncio
import ipaddress
import socket
import ssl
from typing import Final, Literal, TypeVar

import msgspec

from postroom.config.model import Config
from postroom.delivery.outbound import client_tls
from postroom.errors import Invalid, NotFound
from postroom.net.addresses import is_public
from postroom.net.channel import RemoteFailed, Tls
from postroom.net.imap import ImapConnection
from postroom.net.networks import names_loopback
from postroom.net.pop3 import Pop3Connection

PORTS: Final = {
    ("imap", "implicit"): 993, ("imap", "starttls"): 143, ("imap", "none"): 143,
    ("pop3", "implicit"): 995, ("pop3", "starttls"): 110, ("pop3", "none"): 110,
}  # fmt: skip

Protocol = Literal["imap", "pop3"]

ConnectionT = TypeVar("ConnectionT", ImapConnection, Pop3Connection)


class Provider(msgspec.Struct, frozen=True):
    """A well-known one; both hosts speak TLS at once. ``note`` is what people must know first."""

    imap: str
    pop3: str = ""
    note: str = ""


_APP: Final = "make an app password there first; the usual one does not work"
PROVIDERS: Final = {
    "gmail": Provider("imap.gmail.com", "pop.gmail.com", _APP),
    "outlook": Provider(
        "outlook.office365.com",
        "outlook.office365.com",
        "it takes tokens of OAuth, and no password",
    ),
    "yahoo": Provider("imap.mail.yahoo.com", "pop.mail.yahoo.com", _APP),
    "aol": Provider("imap.aol.com", "pop.aol.com", _APP),
    "icloud": Provider("imap.mail.me.com", "", _APP),
    "fastmail": Provider("imap.fastmail.com", "pop.fastmail.com", _APP),
    "gmx": Provider("imap.gmx.net", "pop.gmx.net", "allow POP3 and IMAP in its settings first"),
    "web.de": Provider("imap.web.de", "pop3.web.de", "allow POP3 and IMAP in its settings first"),
    "t-online": Provider("secureimap.t-online.de", "securepop.t-online.de", _APP),
    "mailbox.org": Provider("imap.mailbox.org", "pop3.mailbox.org"),
    "posteo": Provider("posteo.de", "posteo.de"),
    "zoho": Provider("imap.zoho.com", "pop.zoho.com", _APP),
    "yandex": Provider("imap.yandex.com", "pop.yandex.com", _APP),
}


class Remote(msgspec.Struct, frozen=True):
    """A mailbox there. ``is_token``: the secret is a token of OAuth. ``verify``: the certificate.

    ``is_public``: its addresses must be public ones, for who names it may be a stranger to the
    network of this server.
    """

    protocol: Protocol
    host: str
    port: int
    tls: Tls
    login: str
    secret: str
    is_token: bool = False
    verify: bool = True
    is_public: bool = False

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Remote({self.protocol}, {self.login!r} at {self.host}:{self.port})"


def completed(there: Remote, preset: str = "") -> Remote:
    """With what a preset knows, and the usual port for 0. Raises NotFound, Invalid."""
    host = there.host
    if preset:
        provider = PROVIDERS.get(preset)
        if provider is None:
            raise NotFound(f"there is no preset {preset}: there are {', '.join(PROVIDERS)}")
        host = host or (provider.imap if there.protocol == "imap" else provider.pop3)
        if not host:
            raise Invalid(f"{preset} has no {there.protocol.upper()}: use another protocol")
    if not host:
        raise Invalid("name the server: --host, or --preset")
    if not there.login or not there.secret:
        raise Invalid("the user or the password is empty")
    if there.tls == "none" and not names_loopback(host):
        raise Invalid(
            f"the password would go to {host} in clear: use --tls implicit or --tls starttls"
        )
    port = there.port or PORTS[there.protocol, there.tls]
    return msgspec.structs.replace(there, host=host, port=port)


async def addresses(host: str) -> list[str]:
    """The addresses of a host, as this machine knows them. Raises RemoteFailed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        raise RemoteFailed(f"{host} has no address ({why}); is it typed right?") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found if _is_address(str(one[4][0]))))


async def open_imap(config: Config, there: Remote) -> ImapConnection:
    """Connected and logged in. Raises RemoteFailed."""
    return await _logged_in(await ImapConnection.open(*await _way(config, there)), there)


async def open_pop3(config: Config, there: Remote) -> Pop3Connection:
    """Connected and logged in. Raises RemoteFailed."""
    return await _logged_in(await Pop3Connection.open(*await _way(config, there)), there)


async def _way(config: Config, there: Remote) -> tuple[str, list[str], int, Tls, ssl.SSLContext]:
    context = client_tls(config).context(is_checked=there.verify)
    found = await addresses(there.host)
    if there.is_public:
        found = [one for one in found if is_public(one)]
        if not found:
            raise RemoteFailed(f"{there.host} has no public address: name a server on the Internet")
    return there.host, found, there.port, there.tls, context


async def _logged_in(connection: ConnectionT, there: Remote) -> ConnectionT:
    try:
        await connection.login(there.login, there.secret, is_token=there.is_token)
    except BaseException:
        await connection.close()
        raise
    return connection


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
