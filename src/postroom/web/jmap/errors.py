"""What goes wrong, in the three places where JMAP tells it (RFC 8620 §3.6, §5.3).

``RequestError`` fails the whole request and is a problem document (RFC 7807); ``MethodError`` fails
one method call, ``SetError`` one object of a /set.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from postroom.errors import (
    AlreadyExists,
    Invalid,
    MailboxFull,
    MailError,
    NotAllowed,
    NotFound,
    Refused,
    StorageFull,
)

_PREFIX: Final = "urn:ietf:params:jmap:error:"


class RequestError(Exception):
    """A request that comes to nothing (RFC 8620 §3.6.1). ``kind`` is the last word of its type.

    An empty ``kind`` is a problem that JMAP has no word for (``about:blank``): its status tells it.
    """

    def __init__(
        self, kind: str, detail: str, *, status: int = 400, limit: str = "", **headers: str
    ) -> None:
        """``limit`` names the one that was exceeded; ``headers`` have underscores for dashes."""
        super().__init__(detail)
        self.kind, self.detail, self.status, self.limit = kind, detail, status, limit
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """The problem document."""
        document: dict[str, object] = {
            "type": _PREFIX + self.kind if self.kind else "about:blank",
            "status": self.status,
            "detail": self.detail,
        }
        if self.limit:
            document["limit"] = self.limit
        return Response(
            msgspec.json.encode(document),
            self.status,
            headers={**self._headers, "Cache-Control": "no-store"},
            media_type="application/problem+json",
        )


class MethodError(Exception):
    """A method call that comes to nothing and has changed nothing (RFC 8620 §3.6.2)."""

    def __init__(self, kind: str, description: str = "", **extra: Any) -> None:
        """``kind`` is its type; ``extra`` are further properties."""
        super().__init__(description or kind)
        self.kind, self.description, self.extra = kind, description, extra

    def response(self) -> dict[str, Any]:
        """The arguments of the response ``error``."""
        return _told(self.kind, self.description, self.extra)


class SetError(Exception):
    """One object that was not made, changed or destroyed (RFC 8620 §5.3)."""

    def __init__(
        self, kind: str, description: str = "", properties: Sequence[str] = (), **extra: Any
    ) -> None:
        """``properties`` are those that are not valid."""
        super().__init__(description or kind)
        named = {"properties": list(properties)} if properties else {}
        self.kind, self.description, self.extra = kind, description, {**named, **extra}

    def response(self) -> dict[str, Any]:
        """The SetError object."""
        return _told(self.kind, self.description, self.extra)


def invalid(description: str) -> MethodError:
    """Arguments that make no sense."""
    return MethodError("invalidArguments", description)


def invalid_properties(description: str, *properties: str) -> SetError:
    """Properties that make no sense."""
    return SetError("invalidProperties", description, properties)


def of_method(error: Refused | MailError) -> MethodError:
    """What ``access`` or ``admin`` refuses, as the failure of a whole method."""
    found = of_object(error)
    kinds = {"forbidden": "forbidden", "invalidProperties": "invalidArguments"}
    if isinstance(error, MailError):
        return MethodError("serverUnavailable", error.text)
    return MethodError(kinds.get(found.kind, "invalidArguments"), found.description)


def of_object(error: Refused | MailError) -> SetError:
    """What ``access`` or ``admin`` refuses, as the failure of one object of a /set."""
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (NotFound, "notFound"),
        (NotAllowed, "forbidden"),
        (AlreadyExists, "alreadyExists"),
        (Invalid, "invalidProperties"),
        (MailboxFull, "overQuota"),
        (StorageFull, "serverFail"),
        (Refused, "forbidden"),
    )
    kind = next((word for one, word in kinds if isinstance(error, one)), "serverFail")
    return SetError(kind, error.text if isinstance(error, MailError) else str(error))


def _told(kind: str, description: str, extra: dict[str, Any]) -> dict[str, Any]:
    words = {"description": description} if description else {}
    return {"type": kind, **words, **extra}
