"""From an HTTP request to the session, to methods and blobs, and to events (RFC 8620)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from postroom.errors import MailError, Refused
from postroom.web.api.call import Services
from postroom.web.jmap import dispatch, events, session
from postroom.web.jmap.capabilities import CAPABILITIES
from postroom.web.jmap.dispatch import LONG, Dispatch
from postroom.web.jmap.errors import RequestError
from postroom.web.jmap.events import Revisions, Stream
from postroom.web.jmap.guard import Guard
from postroom.web.jmap.limits import MAX_REQUEST
from postroom.web.jmap.method import Caller
from postroom.web.jmap.methods import METHODS
from postroom.web.jmap.transfers import Transfers
from postroom.web.jmap.turnstile import LARGE, REQUESTS, Turnstile

WELL_KNOWN: Final = "/.well-known/jmap"
BODIES: Final = 8  # requests of more than LONG octets in memory at a time, in all
BODY_SECONDS: Final = 120.0  # for such a request to come
_JSON: Final = "application/json"

Answer = Callable[[Request, Caller], Awaitable[Response]]


def routes(services: Services) -> list[BaseRoute]:
    """Everything under ``/jmap``, and the well-known path."""
    return _Desk(services).routes()


class _Desk:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._guard = Guard(services)
        self._turnstile = Turnstile()
        self._transfers = Transfers(services, self._turnstile)
        self._revisions = Revisions(services.office.db)
        self._room = asyncio.Semaphore(BODIES)

    def routes(self) -> list[BaseRoute]:
        return [
            self._route("GET", WELL_KNOWN, self._session),
            self._route("GET", "/jmap/session", self._session),
            self._route("POST", session.API, self._api),
            self._route("GET", "/jmap/events", self._events),
            self._route("POST", "/jmap/upload/{account}", self._transfers.upload),
            self._route(
                "GET", "/jmap/download/{account}/{blob}/{name:path}", self._transfers.download
            ),
        ]

    def _route(self, method: str, path: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request, await self._guard.admit(request))
            except RequestError as error:
                return error.response()
            except (Refused, MailError) as error:
                text = error.text if isinstance(error, MailError) else str(error)
                return RequestError("", text, status=503, Retry_After="30").response()

        return Route(path, endpoint, methods=[method])

    async def _session(self, request: Request, caller: Caller) -> Response:
        base = f"{request.url.scheme}://{request.headers.get('host', '')}"
        found = await session.session(self._services.office, caller, base)
        return _json(msgspec.json.encode(found))

    async def _api(self, request: Request, caller: Caller) -> Response:
        kind, _, parameters = request.headers.get("content-type", "").partition(";")
        charset = parameters.replace(" ", "").replace('"', "").lower()
        if kind.strip().lower() != _JSON or charset not in {"", "charset=utf-8"}:
            raise RequestError("notJSON", f"send {_JSON} in UTF-8, and say so in Content-Type")
        account_id = caller.person.account_id
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:19]) > MAX_REQUEST:
            raise _too_large()
        with self._turnstile.passing(REQUESTS, account_id):
            body, pieces = bytearray(), _pieces(request)
            async for piece in pieces:
                body += piece
                if len(body) > LONG:
                    break
            else:
                return await self._answer(bytes(body), caller)
            with self._turnstile.passing(LARGE, account_id):
                return await self._large(body, pieces, caller)

    async def _large(
        self, body: bytearray, pieces: AsyncIterator[bytes], caller: Caller
    ) -> Response:
        """A request that takes a place in memory until it is answered."""
        async with self._room:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    async for piece in pieces:
                        body += piece
                        if len(body) > MAX_REQUEST:
                            raise _too_large()
            except TimeoutError:
                raise _broken_off() from None
            return await self._answer(bytes(body), caller)

    async def _answer(self, octets: bytes, caller: Caller) -> Response:
        envelope = await dispatch.read(octets, CAPABILITIES)
        run = Dispatch(self._services, caller, METHODS, envelope)
        state = await session.state(self._services.office, caller)
        return _json(b"".join(await run.run(state)))

    async def _events(self, request: Request, caller: Caller) -> Response:
        wanted = events.asked(request)
        return Stream(self._services, self._guard, self._turnstile, self._revisions, caller, wanted)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """What has not been read of the body."""
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise _broken_off() from None


def _broken_off() -> RequestError:
    return RequestError("", "the request did not come whole", status=408)


def _too_large() -> RequestError:
    return RequestError("limit", f"a request may have {MAX_REQUEST} octets", limit="maxSizeRequest")


def _json(octets: bytes) -> Response:
    return Response(octets, headers={"Cache-Control": "no-cache, no-store"}, media_type=_JSON)
