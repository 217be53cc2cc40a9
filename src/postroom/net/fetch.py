"""The one way to ask a web server for something, be its address named by a stranger.

HTTPS only. The host is looked up once; addresses that are not public are never connected to
unless their network is allowed; the connection goes to exactly the address that was checked,
and its certificate must be for the host. No redirects, no cookies, no proxies, no
compression. What comes back is bounded in size, and all of it in time (threat W5).

RFC 9110, RFC 9112 (read by h11), RFC 9525 (names in certificates), RFC 8461 §3.3. What the
octets mean is left to the caller.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, Protocol

import h11
import msgspec

from postroom.net.addresses import Network, is_inside, is_public
from postroom.net.dns_records import Answer, InvalidName, LookupFailed
from postroom.net.outbound import ConnectFailed, connect
from postroom.net.transports import cut

SECONDS: Final = 10.0
MAX_BODY: Final = 65_536
MAX_HEAD: Final = 16_384  # octets of the status line and header fields
MAX_URL: Final = 2_048
USER_AGENT: Final = "Postroom"

_URL: Final = re.compile(
    r"https://(?:\[([0-9a-f:.]++)\]|([a-z0-9._-]++))(?::([0-9]{1,5}))?((?:[/?][!-~]*+)?)",
    re.IGNORECASE,
)
_MOST_INTERIM: Final = 8  # 1xx responses


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


class _Refused(Exception):
    """The reason of a FetchFailed."""


async def get(url: str, resolver: Names, rules: Rules | None = None) -> Fetched:
    """Fetch ``url``. Raises FetchFailed and nothing else; a status of 4xx or 5xx is no failure."""
    return await _ask(_Question("GET", url), resolver, rules or Rules())


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
    return await _ask(_Question(method, url, tuple(fields), body), resolver, rules)


class _Question(msgspec.Struct, frozen=True):
    """A request; nothing of it shows in an error but the address."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


async def _ask(question: _Question, resolver: Names, rules: Rules) -> Fetched:
    url = question.url
    try:
        host, port, target = _parts(url, rules)
        async with asyncio.timeout(rules.seconds):
            addresses = await _addresses(host, resolver, rules)
            context = await asyncio.to_thread(_context, rules.authorities)
            connected = await connect(
                addresses,
                port,
                lambda: _Client(rules.max_body),
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
    except (_Refused, InvalidName) as error:
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
        raise _Refused("it is not a plain https address")
    literal, name, digits, target = found.groups()
    port = int(digits or 443)
    if port not in rules.ports:
        raise _Refused(f"port {port} is not allowed")
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
        raise _Refused("the host has no address")
    allowed = [ip for ip in found if is_public(ip) or is_inside(ip, rules.allow_private)]
    if not allowed:
        raise _Refused(f"{', '.join(found[:5])} is not a public address")
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


class _Client(asyncio.Protocol):
    """One request and its response."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._pieces_left = 1_000 + max_body // 64  # bodies in crumbs cost time, not space
        self._interim_left = _MOST_INTERIM
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._response: h11.Response | None = None
        self._body = bytearray()
        self._has_asked = False
        self._outcome: asyncio.Future[Fetched | str] = asyncio.get_running_loop().create_future()

    async def ask(
        self, transport: asyncio.Transport, host: str, target: str, question: _Question
    ) -> Fetched:
        """Send the request and read the response; raises _Refused."""
        if not self._outcome.done():
            request = h11.Request(
                method=question.method,
                target=target,
                headers=[
                    ("Host", host),
                    ("User-Agent", USER_AGENT),
                    ("Accept", "*/*"),
                    ("Accept-Encoding", "identity"),
                    ("Connection", "close"),
                    *question.fields,
                ],
            )
            self._has_asked = True
            events = [request, *([h11.Data(question.body)] if question.body else [])]
            transport.write(b"".join([self._http.send(event) or b"" for event in events]))
            self._http.send(h11.EndOfMessage())
        outcome = await self._outcome
        if isinstance(outcome, str):
            raise _Refused(outcome)
        return outcome

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self._has_asked:
            self._read(data)
        else:
            self._end("the server spoke before it was asked")

    def eof_received(self) -> None:
        """The end of a body without a length."""
        self._read(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._end(f"the connection was lost: {exc}" if exc else "the connection was closed")

    def _read(self, data: bytes) -> None:
        if self._outcome.done():
            return
        try:
            self._http.receive_data(data)
            while not self._outcome.done() and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self._end(f"the response is not valid: {error}")
        except _Refused as error:
            self._end(str(error))

    def _take(self, event: object) -> bool:
        """True when there may be another event at once."""
        if isinstance(event, h11.InformationalResponse):
            self._interim_left -= 1
            if self._interim_left < 0:
                raise _Refused("the server answers with interim responses only")
        elif isinstance(event, h11.Response):
            self._check(event)
            self._response = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            self._pieces_left -= 1
            if len(self._body) > self._max_body or self._pieces_left < 0:
                raise _Refused(f"the body is longer than {self._max_body} octets, or in crumbs")
        elif isinstance(event, h11.EndOfMessage) and self._response is not None:
            self._end(
                Fetched(self._response.status_code, _fields(self._response), bytes(self._body))
            )
        else:
            return False
        return True

    def _check(self, response: h11.Response) -> None:
        fields = dict(_fields(response))
        if 300 <= response.status_code < 400:
            where = fields.get("location", "")[:200]
            raise _Refused(f"it redirects to {where!r}, and redirects are not followed")
        if fields.get("content-encoding", "identity").lower() != "identity":
            raise _Refused("the body is compressed, which was not asked for")
        if int(fields.get("content-length", "0")) > self._max_body:
            raise _Refused(f"the body is longer than {self._max_body} octets")

    def _end(self, outcome: Fetched | str) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)


def _fields(response: h11.Response) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers
    )
