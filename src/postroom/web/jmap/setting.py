"""The skeleton of every /set (RFC 8620 §5.3): states, creation ids, and what became of each object."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from postroom.errors import MailError, Refused
from postroom.web.jmap import arguments as read
from postroom.web.jmap.errors import MethodError, SetError, invalid, of_object
from postroom.web.jmap.limits import MAX_SET
from postroom.web.jmap.method import Call, Result

SET: Final = ("accountId", "ifInState", "create", "update", "destroy")


@dataclass(frozen=True, slots=True)
class Setter:
    """What a noun can do; each raises SetError (or what ``errors.of_object`` knows).

    ``create`` gives the properties that the client can't know, ``id`` among them; ``update`` those
    that the server changed besides, or None. Both get what the client sent, ``update`` the patch.
    """

    state: Callable[[], Awaitable[str]]
    create: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
    update: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any] | None]]
    destroy: Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class Wishes:
    """What a /set asks for, read and counted; ids of ``update`` and ``destroy`` as they came."""

    create: dict[str, dict[str, Any]]
    update: dict[str, dict[str, Any]]
    destroy: list[str]


def wishes(call: Call) -> Wishes:
    """Read ``create``, ``update``, ``destroy``; raises MethodError."""
    create, update = _objects(call, "create"), _objects(call, "update")
    for ident in create:
        if not read.is_id(ident):
            raise invalid(f"create: {ident!r} is no Id")
    destroy = read.some_ids(call.arguments, "destroy") or []
    if len(create) + len(update) + len(destroy) > MAX_SET:
        raise MethodError("requestTooLarge", f"more than {MAX_SET} objects: change less at a time")
    return Wishes(create, update, destroy)


async def check_state(call: Call, state: Callable[[], Awaitable[str]]) -> str:
    """The state before the changes; raises ``stateMismatch`` for another than ``ifInState``."""
    wanted = read.text_or_null(call.arguments, "ifInState")
    now = await state()
    if wanted is not None and wanted != now:
        raise MethodError("stateMismatch", "something has changed since that state")
    return now


class Outcome:
    """What became of each object, while a /set runs."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.created: dict[str, Any] = {}
        self.updated: dict[str, Any] = {}
        self.destroyed: list[str] = []
        self.not_created: dict[str, Any] = {}
        self.not_updated: dict[str, Any] = {}
        self.not_destroyed: dict[str, Any] = {}

    def made(self, creation: str, properties: dict[str, Any]) -> None:
        """An object was made; ``id`` is among its properties."""
        self.created[creation] = properties
        self._call.created[creation] = properties["id"]

    def response(self, account_id: str, before: str, after: str) -> Result:
        """The response; what is empty is null."""
        return {
            "accountId": account_id,
            "oldState": before,
            "newState": after,
            "created": self.created or None,
            "updated": self.updated or None,
            "destroyed": self.destroyed or None,
            "notCreated": self.not_created or None,
            "notUpdated": self.not_updated or None,
            "notDestroyed": self.not_destroyed or None,
        }


async def carry_out(call: Call, account_id: str, setter: Setter) -> Result:
    """A whole /set, object by object: created, updated, destroyed, in this order.

    The caller has read its further arguments (and refused unknown ones) before.
    """
    wanted = wishes(call)
    before = await check_state(call, setter.state)
    outcome = Outcome(call)
    for creation in ordered(wanted.create):
        given = wanted.create[creation]
        error, made = await _tried(setter.create(creation, given))
        if error is not None or made is None:
            outcome.not_created[creation] = error
        else:
            outcome.made(creation, made)
    destroy = [call.resolved(one) or one for one in wanted.destroy]
    for ident, patch in wanted.update.items():
        if (call.resolved(ident) or ident) in destroy:
            outcome.not_updated[ident] = SetError("willDestroy").response()
            continue
        error, changed = await _tried(setter.update(call.resolved(ident) or ident, patch))
        if error is not None:
            outcome.not_updated[ident] = error
        else:
            outcome.updated[call.resolved(ident) or ident] = changed
    for named, ident in zip(wanted.destroy, destroy, strict=True):
        error, _ = await _tried(setter.destroy(ident))
        if error is not None:
            outcome.not_destroyed[named] = error
        else:
            outcome.destroyed.append(ident)
    return outcome.response(account_id, before, await setter.state())


def ordered(create: Mapping[str, dict[str, Any]]) -> list[str]:
    """Creation ids, each after those that its object names as ``#id``; a circle as it stands."""
    named = {one: dict.fromkeys(_named(given)) for one, given in create.items()}
    done: dict[str, None] = {}
    for start in create:
        path = {start: iter(named[start])}
        while path:
            last = next(reversed(path))
            before = next(
                (one for one in path[last] if one in create and not (one in done or one in path)),
                None,
            )
            if before is None:
                del path[last]
                done[last] = None
            else:
                path[before] = iter(named[before])
    return list(done)


def _named(given: dict[str, Any]) -> list[str]:
    """What is named in properties, or as keys of maps in them."""
    found = []
    for value in given.values():
        words = value if isinstance(value, dict) else [value]
        found += [one[1:] for one in words if isinstance(one, str) and one.startswith("#")]
    return found


def _objects(call: Call, name: str) -> dict[str, dict[str, Any]]:
    value = read.mapping(call.arguments, name) or {}
    for key, one in value.items():
        if not isinstance(one, dict):
            raise invalid(f"{name}: {key!r} must be an object")
    return value


async def _tried(
    work: Awaitable[dict[str, Any] | None],
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The SetError, or what the work gave."""
    try:
        return None, await work
    except SetError as error:
        return error.response(), None
    except (Refused, MailError) as error:
        return of_object(error).response(), None
