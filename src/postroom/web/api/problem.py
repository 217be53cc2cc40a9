"""What goes wrong, as a program reads it: problem details (RFC 9457).

``type`` is stable and for programs; ``title`` names the kind, ``detail`` says what, why and
what to do next, in the words that the commands use.
"""

from typing import Final

import msgspec
from starlette.responses import Response

from postroom.admin.apply.manifest import Faulty
from postroom.errors import (
    AlreadyExists,
    Invalid,
    MailError,
    NotAllowed,
    NotFound,
    Refused,
    StorageFull,
    Temporary,
)

_TYPES: Final = "urn:postroom:problem:"
_STATUS: Final[tuple[tuple[type[Refused], int, str], ...]] = (
    (NotFound, 404, "There is no such thing"),
    (NotAllowed, 403, "That is not allowed"),
    (AlreadyExists, 409, "The name is taken"),
    (Invalid, 422, "A value makes no sense"),
    (Refused, 409, "That can't be done"),
)


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 §3.1. ``path`` says where in the JSON that was sent.

    ``faults`` are all that was found, one by one, where it was several.
    """

    type: str
    title: str
    status: int
    detail: str
    path: str = ""
    faults: tuple[str, ...] = ()


class Problem(Exception):
    """A request that comes to nothing; ``kind`` is the last word of the type."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        path: str = "",
        faults: tuple[str, ...] = (),
        **headers: str,
    ) -> None:
        """``headers`` are header fields, with underscores for dashes."""
        super().__init__(detail)
        self.details = ProblemDetails(_TYPES + kind, title, status, detail, path, faults)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """The answer that carries it (RFC 9457 §3)."""
        return Response(
            msgspec.json.encode(self.details),
            self.details.status,
            headers={**self.headers, "Cache-Control": "no-store"},
            media_type="application/problem+json",
        )


def of(error: Refused | MailError) -> Problem:
    """A refusal of ``admin``, or a failure of the mail system."""
    if isinstance(error, MailError):
        return _of_mail(error)
    status, title = next((s, t) for kind, s, t in _STATUS if isinstance(error, kind))
    faults = error.faults if isinstance(error, Faulty) else ()
    return Problem(status, error.kind, title, str(error), faults=faults)


def of_json(error: msgspec.DecodeError | UnicodeDecodeError) -> Problem:
    """JSON that is none, or not what the operation takes."""
    text, _, path = str(error).partition(" - at `")
    is_shape = isinstance(error, msgspec.ValidationError)
    return Problem(
        422 if is_shape else 400,
        "invalid" if is_shape else "malformed",
        "A value makes no sense" if is_shape else "The body is no JSON",
        f"{text}; GET /api/v1/openapi.json says what is taken",
        path=path.rstrip("`"),
    )


def _of_mail(error: MailError) -> Problem:
    if isinstance(error, StorageFull):
        return Problem(507, "storage-full", "The disk is full", error.text, Retry_After="300")
    if isinstance(error, Temporary):
        return Problem(503, "later", "Not at this moment", error.text, Retry_After="30")
    return Problem(422, "refused", "The mail system refuses it", f"{error.status} {error.text}")
