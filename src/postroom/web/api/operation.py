"""What the API can do: a table of operations, from which everything else is made.

An operation is a function with types. From its signature come the parameters of its path, its
query, its JSON body and its answer; from its docstring what the documents say. Routes
(``routes.py``), the OpenAPI document (``openapi.py``) and ``docs/api-reference.md`` read this
table, so that they can't differ.
"""

import inspect
import re
import types
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
AnswerT = TypeVar("AnswerT")
HandlerT = TypeVar("HandlerT", bound=Callable[..., Awaitable[object]])

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a program sends: unknown members are refused."""


class Paged(Input, frozen=True, kw_only=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=500, description="At most so many.")] = 100
    after: Annotated[str, Meta(description="Go on after a page: its `next`.")] = ""


class Search(Paged, frozen=True, kw_only=True):
    """Which part of a list, and of what."""

    search: Annotated[str, Meta(description="Only those that hold this text.")] = ""


@dataclass(frozen=True, slots=True)
class Streamed(Generic[AnswerT]):
    """An answer of a kind that is too large to be held: its JSON in pieces.

    Where they break off, so does the connection: nobody takes half of it for all.
    """

    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that a program can ask for.

    ``within`` are the parameters that name what it touches, an address or a domain each: a
    token that is limited reaches it only where all are its own. ``body.to`` is a member of the
    body. Without any, limited tokens don't reach it, unless it ``narrows`` itself.
    """

    name: str
    noun: str
    method: Method
    path: str
    scope: str
    summary: str
    description: str
    run: Callable[..., Awaitable[object]]
    places: tuple[str, ...]
    query: type[msgspec.Struct] | None
    body: Any
    uploads: tuple[str, ...]
    answer: Any
    status: int
    within: tuple[str, ...]
    narrows: bool

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


class Noun:
    """The operations on one kind of thing; the scopes for them are ``<scope>:read`` and write."""

    def __init__(self, name: str, scope: str, about: str) -> None:
        """``about`` is a sentence for the documents."""
        self.name = name
        self.about = about
        self.operations: list[Operation] = []
        self._scope = scope

    def on(
        self,
        method: Method,
        path: str,
        *,
        scope: str = "",
        within: Sequence[str] | None = None,
        narrows: bool = False,
        status: int = 0,
        uploads: Sequence[str] = (),
    ) -> Callable[[HandlerT], HandlerT]:
        """Enter a function in the table.

        ``within`` is ``address`` or ``domain`` where these are places in the path. ``uploads``
        are the media types that it takes besides or instead of JSON.
        """

        def enter(run: HandlerT) -> HandlerT:
            hints = typing.get_type_hints(run, include_extras=True)
            places = tuple(_PLACE.findall(path))
            summary, _, rest = inspect.cleandoc(run.__doc__ or "").partition("\n")
            answer = hints["return"]
            if typing.get_origin(answer) is Streamed:
                (answer,) = typing.get_args(answer)
            usual = tuple(name for name in ("address", "domain") if name in places)
            self.operations.append(
                Operation(
                    name=f"{self.name}.{getattr(run, '__name__', '')}".rstrip("_"),
                    noun=self.name,
                    method=method,
                    path=path,
                    scope=scope or f"{self._scope}:{'read' if method == 'GET' else 'write'}",
                    summary=summary.rstrip("."),
                    description=rest.strip(),
                    run=run,
                    places=places,
                    query=hints.get("query"),
                    body=_wanted(hints.get("body")),
                    uploads=tuple(uploads),
                    answer=None if answer is type(None) else answer,
                    status=status or (204 if answer is type(None) else 200),
                    within=usual if within is None else tuple(within),
                    narrows=narrows,
                )
            )
            return run

        return enter


def _wanted(kind: Any) -> Any:
    """The type of a body, without None: that stands for one that came in another form."""
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    return parts[0] if isinstance(kind, types.UnionType) else kind
