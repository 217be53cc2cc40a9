"""The audit log writes itself: operations say what they are, transactions write it down.

``recorded`` marks an operation of ``admin``. While it runs, the first transaction that it
commits holds its entry as well: no change without its entry, no entry without its change. An
operation that another one uses is part of that one.

What stands in an entry is named parameter by parameter; passwords are never among them.
"""

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import msgspec

from postroom.admin import actor
from postroom.admin.office import Office
from postroom.db.database import Database, Engine, Tx
from postroom.directory import audit
from postroom.directory.audit import Entry

MAX_OBJECT: Final = 320  # characters
MAX_VALUE: Final = 200
MAX_VALUES: Final = 20

P = ParamSpec("P")
T = TypeVar("T")
Operation = Callable[Concatenate[Office, P], Coroutine[Any, Any, T]]

_ENTRY: Final[ContextVar[Entry | None]] = ContextVar("entry", default=None)


def recorded(action: str, of: str, *told: str) -> Callable[[Operation[P, T]], Operation[P, T]]:
    """Mark an operation: ``account.add``, the parameter that names its object, others to tell.

    ``of`` may be a member of a parameter: ``new.name``.
    """
    parameter, _, member = of.partition(".")

    def mark(operation: Operation[P, T]) -> Operation[P, T]:
        signature = inspect.signature(operation)
        if unknown := {parameter, *told} - set(signature.parameters):
            raise TypeError(f"{action}: {min(unknown)} is no parameter")

        @functools.wraps(operation)
        async def run(office: Office, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if _ENTRY.get() is not None:
                return await operation(office, *args, **kwargs)
            given = signature.bind(office, *args, **kwargs).arguments
            acting = actor.present()
            entry = Entry(
                id=office.ids.next(),
                at=office.now(),
                actor_kind=acting.kind,
                actor=acting.name,
                origin=acting.origin,
                action=action,
                object=_object(given.get(parameter, ""), member),
                detail=_detail({name: given[name] for name in told if name in given}),
            )
            token = _ENTRY.set(entry)
            try:
                return await operation(office, *args, **kwargs)
            finally:
                _ENTRY.reset(token)

        return run

    return mark


@contextlib.contextmanager
def unrecorded() -> Iterator[None]:
    """For what an operation writes before it is clear whether it will be done at all."""
    token = _ENTRY.set(None)
    try:
        yield
    finally:
        _ENTRY.reset(token)


class RecordingDatabase:
    """A database whose writes hold the entry of the operation that they belong to."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.read = db.read
        self.submit = db.submit  # messages: the ledger tells of them
        self.close = db.close

    @property
    def engine(self) -> Engine:
        """That of the database."""
        return self._db.engine

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        """As ``Database.write``."""
        entry = _ENTRY.get()
        if entry is None:
            return await self._db.write(fn, bulk=bulk)

        def noted(tx: Tx) -> T:
            result = fn(tx)
            audit.add(tx, entry)
            return result

        return await self._db.write(noted, bulk=bulk)


def _object(value: object, member: str) -> str:
    return _words(getattr(value, member) if member else value).lower()[:MAX_OBJECT]


def _detail(told: Mapping[str, object]) -> str:
    """What was said, as JSON; what was left out is not told."""
    shown = {name: _value(value) for name, value in told.items() if not _is_nothing(value)}
    return msgspec.json.encode(shown).decode()


def _value(value: object) -> object:
    """Something that JSON can hold, and not much of it."""
    match value:
        case bool() | int() | float():
            return value
        case list() | tuple():
            return [_value(one) for one in value[:MAX_VALUES]]
        case dict():
            return {str(name): _value(one) for name, one in value.items() if not _is_nothing(one)}
        case msgspec.Struct():
            return _value(msgspec.structs.asdict(value))
        case _ if dataclasses.is_dataclass(value):  # what its repr hides is secret
            fields = [field.name for field in dataclasses.fields(value) if field.repr]
            return _value({name: getattr(value, name) for name in fields})
        case _:
            return _words(value)


def _is_nothing(value: object) -> bool:
    """What was left out; False and 0 were said."""
    return value is None or value in ("", (), [])


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value[:MAX_VALUES]))
    if isinstance(value, msgspec.Struct):
        named = msgspec.structs.asdict(value).items()
        return ", ".join(f"{name} {one}" for name, one in named if not _is_nothing(one)) or "all"
    return str(value)[:MAX_VALUE].replace("\0", "")
