"""One request to a web server over a connection that is open, and its response.

Both are bounded, the response in its pieces too; what makes none raises ``NotUsable``. RFC 9110,
RFC 9112 (read by h11).
"""

import asyncio
from typing import Final

import h11

from postroom.net.fetch import Fetched, NotUsable, Question

MAX_HEAD: Final = 16_384  # octets of the status line and header fields
USER_AGENT: Final = "Postroom"

_MOST_INTERIM: Final = 8  # 1xx responses


class Client(asyncio.Protocol):
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
        self, transport: asyncio.Transport, host: str, target: str, question: Question
    ) -> Fetched:
        """Send the request and read the response; raises NotUsable."""
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
            raise NotUsable(outcome)
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
        except NotUsable as error:
            self._end(str(error))

    def _take(self, event: object) -> bool:
        """True when there may be another event at once."""
        if isinstance(event, h11.InformationalResponse):
            self._interim_left -= 1
            if self._interim_left < 0:
                raise NotUsable("the server answers with interim responses only")
        elif isinstance(event, h11.Response):
            self._check(event)
            self._response = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            self._pieces_left -= 1
            if len(self._body) > self._max_body or self._pieces_left < 0:
                raise NotUsable(f"the body is longer than {self._max_body} octets, or in crumbs")
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
            raise NotUsable(f"it redirects to {where!r}, and redirects are not followed")
        if fields.get("content-encoding", "identity").lower() != "identity":
            raise NotUsable("the body is compressed, which was not asked for")
        if int(fields.get("content-length", "0")) > self._max_body:
            raise NotUsable(f"the body is longer than {self._max_body} octets")

    def _end(self, outcome: Fetched | str) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)


def _fields(response: h11.Response) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers
    )
