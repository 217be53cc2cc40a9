"""A request carried out: one method after the other, each sees what those before it did."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from postroom.errors import MailError, Refused
from postroom.telemetry.trouble import tell
from postroom.web.api.call import Services
from postroom.web.jmap import request
from postroom.web.jmap.errors import MethodError, of_method
from postroom.web.jmap.limits import MAX_RESPONSE
from postroom.web.jmap.method import Call, Caller, Method
from postroom.web.jmap.request import Envelope, Invocation

LONG: Final = 65_536  # octets of JSON that are not read on the loop


async def read(octets: bytes, known: Mapping[str, object]) -> Envelope:
    """The request; raises RequestError."""
    if len(octets) > LONG:
        return await asyncio.to_thread(request.read, octets, known)
    return request.read(octets, known)


class Dispatch:
    """One request."""

    def __init__(
        self,
        services: Services,
        caller: Caller,
        methods: Mapping[str, tuple[str, Method]],
        envelope: Envelope,
    ) -> None:
        self._services = services
        self._caller = caller
        self._methods = methods
        self._envelope = envelope
        self._created = dict(envelope.created or {})
        self._responses: list[Invocation] = []
        self._written: list[bytes] = []
        self._size = 0

    async def run(self, session_state: str) -> list[bytes]:
        """The octets of the response object (RFC 8620 §3.4)."""
        for call in self._envelope.calls:
            for name, result in await self._answers(call):
                await self._respond(Invocation(name, result, call.call_id))
        return [b'{"methodResponses":[', b",".join(self._written), b"],", self._end(session_state)]

    def _end(self, session_state: str) -> bytes:
        rest: dict[str, object] = {"sessionState": session_state}
        if self._envelope.created is not None:
            rest["createdIds"] = self._created
        return msgspec.json.encode(rest)[1:]

    async def _respond(self, response: Invocation) -> None:
        octets = await asyncio.to_thread(msgspec.json.encode, response)
        self._responses.append(response)
        self._written.append(octets)
        self._size += len(octets)

    async def _answers(self, call: Invocation) -> list[tuple[str, dict[str, Any]]]:
        try:
            answers = await self._performed(call)
        except MethodError as error:
            return [("error", error.response())]
        except (Refused, MailError) as error:
            return [("error", of_method(error).response())]
        except Exception as error:  # noqa: BLE001 - a fault of ours: the other calls go on
            tell("jmap", error)
            told = MethodError("serverFail", "the server has made a mistake; see its log")
            return [("error", told.response())]
        return answers if isinstance(answers, list) else [(call.name, answers)]

    async def _performed(self, call: Invocation) -> Any:
        capability, method = self._methods.get(call.name, ("", None))
        if method is None or capability not in self._envelope.using:
            why = f"put {capability} into using" if method else f"there is no method {call.name!r}"
            raise MethodError("unknownMethod", why)
        if self._size > MAX_RESPONSE:
            raise MethodError("requestTooLarge", "the response is large already: ask for less")
        arguments = request.resolved(call.arguments, self._responses)
        return await method(
            Call(
                self._services,
                self._caller,
                self._envelope.using,
                self._created,
                call.name,
                arguments,
            )
        )
