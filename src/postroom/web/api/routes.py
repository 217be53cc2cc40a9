"""From a request to an operation, and from what it answers to a response."""

import asyncio
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from postroom.errors import MailError, Refused
from postroom.web.api import nouns, openapi, problem
from postroom.web.api.call import Call, Services
from postroom.web.api.guard import Guard
from postroom.web.api.operation import Operation, Streamed
from postroom.web.api.problem import Problem
from postroom.web.api.upload import Upload

PREFIX: Final = "/api/v1"
MAX_BODY: Final = 1 << 20  # octets of JSON; what takes more says so
MAX_PARAMETERS: Final = 100  # of a query
MAX_MESSAGE: Final = 100 << 20  # octets, where messages have no limit
_JSON: Final = "application/json"

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(services: Services) -> list[BaseRoute]:
    """Everything under ``/api/v1``; nothing when it is switched off."""
    if not services.office.config.api.enabled:
        return []
    guard = Guard(services)
    document = openapi.document(nouns.ALL)

    async def described(_request: Request) -> Response:
        return Response(document, media_type=_JSON)

    paths: dict[str, dict[str, Operation]] = {}
    for operation in nouns.operations():
        paths.setdefault(operation.path, {})[operation.method] = operation
    ordered = sorted(paths, key=lambda path: [part[:1] == "{" for part in path.split("/")])
    made = [Route(path, _endpoint(guard, paths[path]), methods=None) for path in ordered]
    return [
        Mount(
            PREFIX,
            routes=[
                Route("/openapi.json", described, methods=["GET"]),
                *made,
                Route("/{rest:path}", _nothing, methods=None),
            ],
        )
    ]


def _endpoint(guard: Guard, known: Mapping[str, Operation]) -> Any:
    """What answers at one path. A class, so that Starlette leaves the methods to it."""

    async def respond(request: Request) -> Response:
        try:
            operation = known.get("GET" if request.method == "HEAD" else request.method)
            if operation is None:
                return _wrong_method(request, sorted(known)).response()
            call = await guard.admit(request)
            return await _performed(guard, call, operation, request)
        except Problem as error:
            return error.response()
        except (Refused, MailError) as error:
            return problem.of(error).response()

    return _Answering(respond)


def _wrong_method(request: Request, methods: list[str]) -> Problem:
    taken = ", ".join(methods)
    return Problem(
        405, "method", "That can't be done here", f"{request.url.path} takes {taken}", Allow=taken
    )


class _Answering:
    """An ASGI application of one function."""

    def __init__(self, respond: Endpoint) -> None:
        self._respond = respond

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = await self._respond(Request(scope, receive, send))
        await response(scope, receive, send)


async def _performed(guard: Guard, call: Call, operation: Operation, request: Request) -> Response:
    call.require(operation.scope)  # before the body is read
    arguments: dict[str, object] = {name: request.path_params[name] for name in operation.places}
    try:
        if operation.query is not None:
            arguments["query"] = _query(request, operation.query)
        if operation.body is not None or operation.uploads:
            arguments |= await _sent(request, operation, call)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise problem.of_json(error) from None
    await guard.check(call, operation, arguments)
    answer = await operation.run(call, **arguments)
    headers = {"Cache-Control": "no-store"}
    if operation.answer is None:
        return Response(status_code=operation.status, headers=headers)
    if isinstance(answer, Streamed):
        return StreamingResponse(answer.pieces, operation.status, headers=headers, media_type=_JSON)
    content = msgspec.json.encode(answer)
    return Response(content, operation.status, headers=headers, media_type=_JSON)


def _query(request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The parameters of a query; each once, and none that is unknown."""
    if request.url.query.count("&") >= MAX_PARAMETERS:
        raise msgspec.ValidationError("The query has too many parameters")
    pairs = urllib.parse.parse_qsl(request.url.query, keep_blank_values=True, errors="replace")
    found = dict(pairs)
    if any("\0" in value for value in found.values()):
        raise msgspec.ValidationError("A parameter holds NUL")
    if len(found) < len(pairs):
        raise msgspec.ValidationError("A parameter stands twice in the query")
    return msgspec.convert(found, kind, strict=False)


async def _sent(request: Request, operation: Operation, call: Call) -> dict[str, object]:
    """The JSON body, or the octets, as the operation takes them."""
    most = call.office.config.limits.max_message or MAX_MESSAGE
    found = Upload(request, 2 * most if operation.uploads else MAX_BODY)  # base64 takes 4/3
    if found.media_type in operation.uploads:
        return {"upload": found} | ({"body": None} if operation.body is not None else {})
    if operation.body is None or found.media_type != _JSON:
        kinds = [*operation.uploads, *([_JSON] if operation.body is not None else [])]
        raise Problem(
            415,
            "media-type",
            "The body is of another kind",
            f"send {' or '.join(kinds)}, and say so in Content-Type",
        )
    if not operation.uploads:
        return {"body": msgspec.json.decode(await found.read(), type=operation.body)}
    async with call.services.room:
        octets = await found.read()
        body = await asyncio.to_thread(msgspec.json.decode, octets, type=operation.body)
    return {"body": body, "upload": None}


async def _nothing(request: Request) -> Response:
    return Problem(
        404,
        "not-found",
        "There is no such thing",
        f"{request.url.path} is no path of the API; GET {PREFIX}/openapi.json lists all",
    ).response()
