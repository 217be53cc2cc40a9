"""One HTTP/1.1 request to a filter: a body in pieces, a bounded response (RFC 9112, read by h11)."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import h11

from postroom.config.filters import Place
from postroom.policy.filters.wire import Failed, connected

MAX_ANSWER: Final = 262_144  # octets, head and all
_MAX_HEAD: Final = 16_384


async def post(
    place: Place,
    target: str,
    fields: Sequence[tuple[str, str]],
    size: int,
    body: AsyncIterator[bytes],
) -> bytes:
    """The body of the response to ``body``, which has ``size`` octets. Raises Failed.

    What can't stand in a value of ``fields`` is replaced there.
    """
    host = f"{place.host}:{place.port}" if place.host else "localhost"
    request = [("Host", f"[{place.host}]:{place.port}" if ":" in place.host else host)]
    request += [("Content-Length", str(size)), ("Connection", "close"), *fields]
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    try:
        async with connected(place) as wire:
            head = h11.Request(
                method="POST",
                target=target,
                headers=[(name.encode(), clean(value).encode()) for name, value in request],
            )
            await wire.send(http.send(head) or b"")
            async for piece in body:
                await wire.send(http.send(h11.Data(piece)) or b"")
            await wire.send(http.send(h11.EndOfMessage()) or b"")
            left = MAX_ANSWER
            answer = bytearray()
            while not isinstance(event := http.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    octets = await wire.some(left)
                    left -= len(octets)
                    http.receive_data(octets)
                elif isinstance(event, h11.Response) and event.status_code != 200:
                    raise Failed(f"it answered with status {event.status_code}")
                elif isinstance(event, h11.Data):
                    answer += event.data
                elif not isinstance(event, h11.InformationalResponse | h11.Response):
                    raise Failed("it closed the connection without an answer")
            return bytes(answer)
    except h11.ProtocolError as error:
        raise Failed(f"what it answered is not HTTP: {error}") from error


def clean(value: str) -> str:
    """What may stand in a field: no controls, no space at its ends."""
    return "".join([one if one.isprintable() else "?" for one in value]).strip()
