"""A file that comes with a form: checked first, then stored piece by piece.

The form's own fields stand before the file, so the word that only our pages know (CSRF) is
tested before the first octet is stored. The file lies in the folder of the job that it will be
for, and is removed unless that job was asked for; what a crash leaves is swept away later.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import IO, Final

from starlette.requests import ClientDisconnect, Request

from postroom.admin.jobs import files
from postroom.admin.office import Office
from postroom.errors import Invalid, Refused
from postroom.web import desk
from postroom.web.desk import MAX_FORM, TooLarge, Visitor
from postroom.web.multipart import Malformed, Multipart, Part, boundary_of

MOST: Final = 8  # uploads at a time, one of a person
SECONDS: Final = 60.0  # that may pass without an octet
TOGETHER: Final = 256 * 1024  # octets that are written at a time
ROOM: Final = 16 << 20  # octets from one look at the disk to the next

_UNDER_WAY: Final[set[int]] = set()  # accounts


class Received:
    """A form with a file. ``ident``: of the job to be; ``name``: of its file, "" for none."""

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.fields: dict[str, str] = {}
        self.name = ""
        self.size = 0
        self._is_kept = False

    def require_file(self) -> str:
        """Its name; raises Invalid when none was chosen."""
        if not self.name or not self.size:
            raise Invalid("choose a file first; an empty one holds nothing")
        return self.name

    def keep(self) -> None:
        """The file is a job's from here on."""
        self._is_kept = True

    @property
    def is_kept(self) -> bool:
        """Whether the file outlives the request."""
        return self._is_kept


@contextlib.asynccontextmanager
async def received(request: Request, visitor: Visitor, office: Office) -> AsyncIterator[Received]:
    """Take a form with a file. Raises Forbidden, TooLarge, Invalid, Refused, OSError."""
    desk.require_own_page(request)
    most, account = office.config.uploads.max_size, visitor.identity.account_id
    if not most:
        raise Refused("this server takes no uploads: max_size in [uploads] of its settings is 0")
    length = request.headers.get("content-length", "")
    octets = int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else 0
    if octets > most + MAX_FORM:
        raise TooLarge(_too_large(most))
    files.require_room(office, octets)
    if account in _UNDER_WAY:
        raise Refused("another file of yours is just being uploaded: wait for its end")
    if len(_UNDER_WAY) >= MOST:
        raise Refused("too many files are being uploaded: try it again in a few minutes")
    _UNDER_WAY.add(account)
    got = Received(office.ids.next())
    try:
        await _Taking(request, visitor, office, got, most).run()
        yield got
    finally:
        _UNDER_WAY.discard(account)
        if not got.is_kept:
            await asyncio.shield(asyncio.to_thread(files.remove, office, got.ident))


class _Taking:
    def __init__(
        self, request: Request, visitor: Visitor, office: Office, got: Received, most: int
    ) -> None:
        self._request = request
        self._visitor = visitor
        self._office = office
        self._got = got
        self._most = most
        self._part: Part | None = None
        self._value = bytearray()
        self._of_fields = 0
        self._file: IO[bytes] | None = None
        self._looked = ROOM

    async def run(self) -> None:
        try:
            form = Multipart(boundary_of(self._request.headers.get("content-type", "")))
            async for piece in pieces(self._request):
                for event in form.receive(piece):
                    await self._take(event)
        except Malformed as error:
            raise Invalid(f"the form can't be read: {error}") from None
        finally:
            if self._file is not None:
                await asyncio.to_thread(self._file.close)
        if not form.is_over:
            raise Invalid("the upload broke off: send it once more")
        desk.require_word(self._got.fields, self._visitor)

    async def _take(self, event: Part | bytes | None) -> None:
        if isinstance(event, Part):
            self._part = event
            if event.filename:
                await self._begin(event.filename)
        elif event is not None:
            await self._octets(event)
        else:
            await self._end()

    async def _begin(self, name: str) -> None:
        if self._got.name:
            raise Invalid("send one file at a time")
        desk.require_word(self._got.fields, self._visitor)
        self._got.name = files.plain_name(name)
        self._file = await asyncio.to_thread(self._create)

    def _create(self) -> IO[bytes]:
        path = files.upload(files.make(self._office, self._got.ident), self._got.name)
        path.parent.mkdir(mode=0o700)
        return path.open("xb", buffering=TOGETHER)

    async def _octets(self, octets: bytes) -> None:
        if self._part is None or self._part.filename == "":
            return
        if self._part.filename is None:
            self._of_fields += len(octets)
            if self._of_fields > MAX_FORM:
                raise TooLarge
            self._value += octets
            return
        self._got.size += len(octets)
        if self._got.size > self._most:
            raise TooLarge(_too_large(self._most))
        if self._got.size > self._looked:
            files.require_room(self._office, 0)
            self._looked = self._got.size + ROOM
        self._value += octets
        if len(self._value) >= TOGETHER:
            await self._write()

    async def _write(self) -> None:
        if self._file is not None:
            await asyncio.to_thread(self._file.write, bytes(self._value))
        self._value.clear()

    async def _end(self) -> None:
        if self._part is not None and self._part.filename is None:
            self._got.fields[self._part.name] = self._value.decode("utf-8", "replace")
            self._value.clear()
        elif self._part is not None and self._part.filename:
            await self._write()
        self._part = None


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """The body of a request; a sender that falls silent is given up. Raises Invalid."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(SECONDS):
                piece = await anext(stream, None)
        except (TimeoutError, ClientDisconnect):
            raise Invalid("the upload broke off: send it once more") from None
        if piece is None:
            return
        yield piece


def _too_large(most: int) -> str:
    return f"The file is larger than {most >> 20} MB, which is the most that this server takes."
