"""The form that a message is written in: its fields, and the files that go along.

All of it is held in memory until it is sent or kept, so it is bounded, and so is how many are
held at a time. The word that only our pages know (CSRF) stands before the first file, and is
tested before anything of that is kept.
"""

import contextlib
import mimetypes
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from postroom.admin.jobs import files
from postroom.errors import Invalid, Refused
from postroom.message.compose import Attachment
from postroom.web import desk
from postroom.web.desk import TooLarge, Visitor
from postroom.web.multipart import Malformed, Multipart, Part, boundary_of
from postroom.web.uploads import pieces

MOST: Final = 25 << 20  # octets of all files
MOST_TEXT: Final = 1 << 20  # octets of all fields
MOST_FILES: Final = 100
TOGETHER: Final = 4  # forms in memory at a time

_KINDS: Final = mimetypes.MimeTypes(
    filenames=()
)  # known names only: no file of the machine is read
_UNDER_WAY: Final[set[object]] = set()


class Form:
    """What was filled in."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[Attachment] = []


@contextlib.asynccontextmanager
async def received(request: Request, visitor: Visitor) -> AsyncIterator[Form]:
    """Take such a form. Raises Forbidden, TooLarge, Invalid, Refused."""
    desk.require_own_page(request)
    if len(_UNDER_WAY) >= TOGETHER:
        raise Refused("many messages are being sent just now: go back and try it again")
    taking = _Taking(visitor)
    _UNDER_WAY.add(taking)
    try:
        yield await taking.run(request)
    finally:
        _UNDER_WAY.discard(taking)


class _Taking:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._form = Form()
        self._part: Part | None = None
        self._value = bytearray()
        self._of_fields = self._of_files = 0

    async def run(self, request: Request) -> Form:
        try:
            form = Multipart(boundary_of(request.headers.get("content-type", "")))
            async for piece in pieces(request):
                for event in form.receive(piece):
                    self._take(event)
        except Malformed as error:
            raise Invalid(f"the form can't be read: {error}") from None
        if not form.is_over:
            raise Invalid("the form broke off: send it once more")
        desk.require_word(self._form.fields, self._visitor)
        return self._form

    def _take(self, event: Part | bytes | None) -> None:
        if isinstance(event, Part):
            if event.filename:
                desk.require_word(self._form.fields, self._visitor)
                if len(self._form.files) == MOST_FILES:
                    raise Invalid(f"a message takes {MOST_FILES} files; put some into an archive")
            self._part = event
            self._value.clear()
        elif event is not None:
            self._octets(event)
        elif self._part is not None:
            self._end(self._part)

    def _octets(self, octets: bytes) -> None:
        if self._part is None or self._part.filename == "":
            return
        if self._part.filename is None:
            self._of_fields += len(octets)
            if self._of_fields > MOST_TEXT:
                raise TooLarge("The text is longer than 1 MB: send it as a file.")
        else:
            self._of_files += len(octets)
            if self._of_files > MOST:
                raise TooLarge(
                    f"The files together are larger than {MOST >> 20} MB, the most here."
                )
        self._value += octets

    def _end(self, part: Part) -> None:
        self._part = None
        if part.filename is None:
            text = self._value.decode("utf-8", "replace")
            if "\0" in text:
                raise Invalid("a field holds NUL, which no text does")
            self._form.fields[part.name] = text
        elif part.filename:
            name = files.plain_name(part.filename)
            kind = _KINDS.guess_type(name)[0] or "application/octet-stream"
            self._form.files.append(Attachment(name, bytes(self._value), kind))
        self._value.clear()
