"""The one way to ask a web server for something, be its address named by a stranger.

HTTPS only. The host is looked up once; addresses that are not public are never connected to
unless their network is allowed; the connection goes to exactly the address that was checked,
and its certificate must be for the host. No redirects, no cookies, no proxies, no
compression. What comes back is bounded in size, and all of it in time (threat W5).

RFC 9110, RFC 9525 (names in certificates), RFC 8461 §3.3. What the
octets mean is left to the caller; one request on the wire: ``fetch_client``.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from postroom.net.addresses import Network, is_inside, is_public
from postroom.net.dns_records import Answer, InvalidName, LookupFailed
from postroom.net.outbound import ConnectFailed, connect
from postroom.net.transports import cut

if TYPE_CHECKING:
    from postroom.net.fetch_client import Client

SECONDS: Final = 10.0
MAX_BODY: Final = 65_536
MAX_URL: Final = 2_048

_URL: Final = re.compile(
    r"https://(?:\[([0-9a-f:.]++)\]|([a-z0-9._-]++))(?::([0-9]{1,5}))?((?:[/?][!-~]*+)?)",
    re.IGNORECASE,
)


class Names(Protocol):
    """Whoever can look addresses up; see ``dns.Resolver``."""

    async def lookup(
        self, name: str, kind: Literal["A", "AAAA"], *, seconds: float = ...
    ) -> Answer[str]: ...


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What may be fetched from where. ``authorities`` are the PEM of CAs: only they count."""

    seconds: float = SECONDS
    max_body: int = MAX_BODY
    ports: tuple[int, ...] = (443,)
    allow_private: tuple[Network, ...] = ()
    authorities: str | None = None


class Fetched(msgspec.Struct, frozen=True):
    """A response. Names of header fields are lower-case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first field of that name; "" without one."""
        wanted = name.lower()
        return next((value for field, value in self.headers if field == wanted), "")


class FetchFailed(Exception):
    """Nothing usable came back; ``reason`` says why, in one line.

    ``is_certificate``: the server's certificate is not accepted.
    """

    def __init__(self, url: str, reason: str, *, is_certificate: bool = False) -> None:
        """``url`` is what was asked for."""
        self.url, self.reason, self.is_certificate = url, reason, is_certificate
        super().__init__(f"{url[:200]!r} can't be fetched: {reason}")


class NotUsable(Exception):
    """The reason of a FetchFailed."""


async def get(url: str, resolver: Names, rules: Rules | None = None) -> Fetched:
    """Fetch ``url``. Raises FetchFailed and nothing else; a status of 4xx or 5xx is no failure."""
    return await _ask(Question("GET", url), resolver, rules or Rules())


async def post(
    url: str,
    body: bytes,
    resolver: Names,
    rules: Rules,
    *,
    content_type: str,
    authorization: str = "",
) -> Fetched:
    """Send ``body`` to ``url``; the same rules, the same errors as ``get``."""
    return await send(
        "POST", url, resolver, rules, body=body, content_type=content_type,
        authorization=authorization,
    )  # fmt: skip


async def send(  # noqa: PLR0913
    method: str,
    url: str,
    resolver: Names,
    rules: Rules,
    *,
    body: bytes = b"",
    content_type: str = "",
    authorization: str = "",
    fields: Sequence[tuple[str, str]] = (),
) -> Fetched:
    """Any request; the same rules, the same errors as ``get``. ``fields`` are further ones."""
    fields = list(fields)
    if body or method in {"POST", "PUT", "PATCH"}:  # RFC 9110 §8.6
        fields += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    if authorization:
        fields.append(("Authorization", authorization))
    return await _ask(Question(method, url, tuple(fields), body), resolver, rules)


class Question(msgspec.Struct, frozen=True):
    """A request; nothing of it shows in an error but the address."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


async def _ask(question: Question, resolver: Names, rules: Rules) -> Fetched:
    url = question.url
    try:
        host, port, target = _parts(url, rules)
        async with asyncio.timeout(rules.seconds):
            addresses = await _addresses(host, resolver, rules)
            context = await asyncio.to_thread(_context, rules.authorities)
            client = await asyncio.to_thread(_client)
            connected = await connect(
                addresses,
                port,
                lambda: client(rules.max_body),
                tls=(context, host),
                seconds=rules.seconds,
            )
            transport = connected.transport
            try:
                return await connected.protocol.ask(
                    transport, _authority(host, port), target, question
                )
            finally:
                cut(transport)
    except TimeoutError as error:
        raise FetchFailed(url, f"it took longer than {rules.seconds:g} s") from error
    except ConnectFailed as error:
        raise FetchFailed(url, error.reason, is_certificate=error.is_certificate) from error
    except LookupFailed as error:
        raise FetchFailed(url, error.detail) from error
    except (NotUsable, InvalidName) as error:
        raise FetchFailed(url, str(error)) from error


def is_plain(url: str) -> bool:
    """Whether it is an https address that could be asked: no user, no odd octets."""
    return _plain(url) is not None


def _plain(url: str) -> re.Match[str] | None:
    return _URL.fullmatch(url.partition("#")[0]) if len(url) <= MAX_URL else None


def _parts(url: str, rules: Rules) -> tuple[str, int, str]:
    """Host, port and target.

    Strict: no user, no odd octets, nothing that two readers could take differently.
    """
    found = _plain(url)
    if found is None:
        raise NotUsable("it is not a plain https address")
    literal, name, digits, target = found.groups()
    port = int(digits or 443)
    if port not in rules.ports:
        raise NotUsable(f"port {port} is not allowed")
    host: str = (literal or name).lower().removesuffix(".")
    return host, port, target if target.startswith("/") else "/" + target


def _authority(host: str, port: int) -> str:
    written = f"[{host}]" if ":" in host else host
    return written if port == 443 else f"{written}:{port}"


async def _addresses(host: str, resolver: Names, rules: Rules) -> list[str]:
    """The allowed addresses of the host, looked up once."""
    if ":" in host or host.replace(".", "").isdigit():
        found = [host]
    else:
        answers = await asyncio.gather(
            resolver.lookup(host, "AAAA", seconds=rules.seconds),
            resolver.lookup(host, "A", seconds=rules.seconds),
            return_exceptions=True,
        )
        errors = [one for one in answers if isinstance(one, BaseException)]
        found = [ip for one in answers if isinstance(one, Answer) for ip in one.records]
        if errors and not found:
            raise errors[0]
    if not found:
        raise NotUsable("the host has no address")
    allowed = [ip for ip in found if is_public(ip) or is_inside(ip, rules.allow_private)]
    if not allowed:
        raise NotUsable(f"{', '.join(found[:5])} is not a public address")
    return allowed


@lru_cache(maxsize=8)
def _context(authorities: str | None) -> ssl.SSLContext:
    """Reading the system's authorities takes some 30 ms: done once, off the loop.

    Names beside certificates, as bundles have them, may hold letters that ``ssl`` refuses.
    """
    if authorities is not None:
        authorities = authorities.encode("ascii", "ignore").decode("ascii")
    context = ssl.create_default_context(cadata=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _client() -> "type[Client]":
    """With h11, a third of a megabyte: imported with the first request, off the loop."""
    from postroom.net.fetch_client import Client

    return Client
