"""What a mail program must know to read and send with an address of a domain.

One answer for every form in which programs ask (``web``), for SRV records and for people.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from postroom.address import AddressError, Domain
from postroom.admin.office import Office
from postroom.config.model import Config, Listen, ListenProtocol, standard_listeners
from postroom.errors import NotFound

Protocol = Literal["imap", "pop3", "smtp", "managesieve"]
Encryption = Literal["implicit", "starttls"]

LABELS: Final = ("autoconfig", "autodiscover", "mta-sts", "ua-auto-config")
"""Names below a domain under which programs and other servers look for settings."""

# The best first: RFC 8314 §3 prefers TLS from the first octet.
_DOORS: Final[Mapping[ListenProtocol, tuple[Protocol, Encryption]]] = {
    "imaps": ("imap", "implicit"),
    "imap": ("imap", "starttls"),
    "pop3s": ("pop3", "implicit"),
    "pop3": ("pop3", "starttls"),
    "submissions": ("smtp", "implicit"),
    "submission": ("smtp", "starttls"),
    "managesieve": ("managesieve", "starttls"),
}


class Service(msgspec.Struct, frozen=True):
    """A door: what is spoken there, on which port, and when TLS begins."""

    protocol: Protocol
    port: int
    encryption: Encryption


class ClientSettings(msgspec.Struct, frozen=True):
    """Where the doors of a domain are, in the order in which to prefer them.

    The user name is the whole address, the password that of the account or of the device.
    ``domain`` is in A-labels.
    """

    domain: str
    hostname: str
    services: tuple[Service, ...]

    def of(self, protocol: Protocol) -> tuple[Service, ...]:
        """The doors of one protocol."""
        return tuple([one for one in self.services if one.protocol == protocol])


def open_doors(config: Config) -> dict[ListenProtocol, int]:
    """The port of each protocol that the world reaches; the first listener of one counts.

    Where every listener is on a loopback address (a trial), those count.
    """
    listeners = [one for one in config.listen or standard_listeners() if one.port]
    public = [one for one in listeners if not one.is_loopback]
    found: dict[ListenProtocol, int] = {}
    for one in public or listeners:
        if one.auth != "never" or not _is_for_people(one):
            found.setdefault(one.protocol, one.port)
    return found


def only_here(config: Config) -> str:
    """The address of a server that this machine alone reaches (a trial); "" for any other."""
    listeners = config.listen or standard_listeners()
    return listeners[0].address if all(one.is_loopback for one in listeners) else ""


def client_settings(config: Config, domain: str) -> ClientSettings:
    """The settings for addresses of ``domain``, which is in A-labels."""
    doors = open_doors(config)
    return ClientSettings(
        domain=domain,
        hostname=config.hostname.lower(),
        services=tuple(
            Service(protocol, doors[name], encryption)
            for name, (protocol, encryption) in _DOORS.items()
            if name in doors
        ),
    )


async def find(office: Office, address: str) -> ClientSettings | None:
    """The settings for an address, or for a bare domain; None when it is not served here.

    Whether there is such an account is not told: anybody may ask.
    """
    try:
        domain = Domain.parse(address.strip().rpartition("@")[2])
    except AddressError:
        return None
    if not await office.directory.is_own(domain):
        return None
    return client_settings(office.config, domain.ascii)


async def require(office: Office, address: str) -> ClientSettings:
    """The same for a postmaster: raises NotFound when the domain is not served here."""
    found = await find(office, address)
    if found is None:
        raise NotFound(
            f"no domain of this server has the address {address}; see: postroom domain list"
        )
    return found


def _is_for_people(listen: Listen) -> bool:
    return listen.protocol in _DOORS
