"""The form that a message is written in: its fields, and the files that go along.

All of it is held in memory until it is sent or kept, so it is bounded, and so is how many are
held at a time. The word that only our pages know (CSRF) stands before the first file, and is
tested before anything of that is kept.

What was typed is not lost for what is wrong with the rest: a form that can't be taken as it is
comes with its fields, without files, and with the reason.
"""

import asyncio
import contextlib
import mimetypes
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request

from postroom.admin.jobs import files
from postroom.errors import Invalid, Refused
from postroom.message.compose import Attachment
from postroom.web import desk
from postroom.web.desk import Forbidden, TooLarge, Visitor
from postroom.web.multipart import Malformed, Multipart, Part, boundary_of
from postroom.web.uploads import pieces

MOST: Final = 25 << 20  # octets of all files
MOST_TEXT: Final = 1 << 20  # octets of all fields
MOST_READ: Final = 4 * MOST  # octets of files that are read for the sake of the fields
MOST_FILES: Final = 100
TOGETHER: Final = 4  # forms in memory at a time
OF_ONE: Final = 2  # of them of one person
SECONDS: Final = 900.0  # that a form may take to come

_KINDS: Final = mimetypes.MimeTypes(
    filenames=()
)  # known names only: no file of the machine is read
_NOBODY: Final = 0
_UNDER_WAY: Final[dict[object, int]] = {}  # whose each of them is


class Form:
    """What was filled in. With a ``problem``, and the ``status`` for it, nothing may be done."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[Attachment] = []
        self.problem = ""
        self.status = 200

    def refuse(self, status: int, problem: str) -> None:
        """Only its fields count from here on; the first reason stays."""
        self.files.clear()
        if not self.problem:
            self.status, self.problem = status, problem


@contextlib.asynccontextmanager
async def received(request: Request, visitor: Visitor | None) -> AsyncIterator[Form]:
    """Take such a form; of who is not logged in (any more) only its fields.

    Raises Forbidden, TooLarge, Invalid, Refused.
    """
    desk.require_own_page(request)
    own = visitor.identity.account_id if visitor else _NOBODY
    if len(_UNDER_WAY) >= TOGETHER or [*_UNDER_WAY.values()].count(own) >= OF_ONE:
        raise Refused("many messages are being sent just now: go back and try it again")
    taking = _Taking(visitor)
    _UNDER_WAY[taking] = own
    try:
        try:
            async with asyncio.timeout(SECONDS):
                form = await taking.run(request)
        except TimeoutError:
            raise Invalid("the form took too long to come: send it once more") from None
        yield form
    finally:
        del _UNDER_WAY[taking]


class _Taking:
    def __init__(self, visitor: Visitor | None) -> None:
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
        self._test_word()
        return self._form

    def _test_word(self) -> None:
        if self._visitor is None:
            self._form.refuse(403, "you are not logged in any more")
            return
        try:
            desk.require_word(self._form.fields, self._visitor)
        except Forbidden:
            self._form.refuse(403, "the page was older than your login")

    def _take(self, event: Part | bytes | None) -> None:
        if isinstance(event, Part):
            if event.filename:
                self._test_word()
                if len(self._form.files) == MOST_FILES:
                    self._form.refuse(
                        400, f"a message takes {MOST_FILES} files; put some into an archive"
                    )
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
                self._refuse_size()
            if self._form.problem:
                return
        self._value += octets

    def _refuse_size(self) -> None:
        told = f"the files together are larger than {MOST >> 20} MB, the most here"
        if self._of_files > MOST_READ:
            raise TooLarge(f"{told[0].upper()}{told[1:]}.")
        self._value.clear()
        self._form.refuse(413, told)

    def _end(self, part: Part) -> None:
        self._part = None
        if part.filename is None:
            text = self._value.decode("utf-8", "replace")
            if "\0" in text:
                raise Invalid("a field holds NUL, which no text does")
            self._form.fields[part.name] = text
        elif part.filename and not self._form.problem:
            name = files.plain_name(part.filename)
            kind = _KINDS.guess_type(name)[0] or "application/octet-stream"
            self._form.files.append(Attachment(name, bytes(self._value), kind))
        self._value.clear()
