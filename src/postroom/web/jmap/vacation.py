"""VacationResponse/get, VacationResponse/set (RFC 8621 §8).

It is the one that people set in the browser, and becomes the same Sieve. What JMAP does not tell of
it, how many days are between two answers, stays as it is. Times are kept to the second.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, Never

import msgspec

from postroom.admin.filters import vacations
from postroom.directory.vacations import Vacation
from postroom.web.jmap import arguments as read, patch as patching
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.jmap.fields_write import Unfit, moment
from postroom.web.jmap.method import Call, Methods, Result
from postroom.web.jmap.setting import SET, Setter, carry_out

SINGLETON: Final = "singleton"
PROPERTIES: Final = (
    "id", "isEnabled", "fromDate", "toDate", "subject", "textBody", "htmlBody",
)  # fmt: skip

_DAY: Final = dt.timedelta(days=1)
_MIDNIGHT: Final = "00:00:00"
_NOTHING: Final = Vacation("", is_enabled=False)


async def get(call: Call) -> Result:
    """VacationResponse/get."""
    read.only(call.arguments, "accountId", "ids", "properties")
    account = await call.own_account()
    ids = read.wanted_ids(call.arguments)
    properties = read.wanted_properties(call.arguments, PROPERTIES)
    kept = await _kept(call, account)
    found = [read.picked(told(kept), properties)] if ids is None or SINGLETON in ids else []
    return read.got(account.id, _state(kept), found, ids)


async def put(call: Call) -> Result:
    """VacationResponse/set."""
    read.only(call.arguments, *SET)
    call.require("sieve")
    account = await call.own_account()

    async def state() -> str:
        return _state(await _kept(call, account))

    async def create(_creation: str, _given: dict[str, Any]) -> Never:
        raise SetError(SINGLETON, "there is one VacationResponse, which is always there: update it")

    async def update(ident: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        if ident != SINGLETON:
            raise SetError("notFound", f"the one VacationResponse has the id {SINGLETON!r}")
        wanted: dict[str, Any] = {}

        def amended(before: Vacation) -> Vacation:
            wanted.update(patching.patched(told(before), patch))
            return _amended(before, wanted)

        after = told(await vacations.amend(call.office, account.address, amended))
        return {name: after[name] for name in after if after[name] != wanted.get(name)} or None

    async def destroy(ident: str) -> None:
        if ident != SINGLETON:
            raise SetError("notFound", f"the one VacationResponse has the id {SINGLETON!r}")
        raise SetError(SINGLETON, "the VacationResponse is always there: set isEnabled to false")

    return await carry_out(call, account.id, Setter(state, create, update, destroy))


METHODS: Final[Methods] = {"VacationResponse/get": get, "VacationResponse/set": put}


def told(kept: Vacation) -> dict[str, Any]:
    """Every property of the VacationResponse."""
    ends = None
    if kept.ends:
        ends = f"{kept.ends}T{kept.ends_at}Z"
        if not kept.ends_at:
            day = dt.date.fromisoformat(kept.ends)
            ends = f"{day + _DAY if day < dt.date.max else day}T{_MIDNIGHT}Z"
    return {
        "id": SINGLETON,
        "isEnabled": kept.is_enabled,
        "fromDate": f"{kept.begins}T{kept.begins_at or _MIDNIGHT}Z" if kept.begins else None,
        "toDate": ends,
        "subject": kept.subject or None,
        "textBody": kept.text or None,
        "htmlBody": kept.html or None,
    }


def _amended(before: Vacation, wanted: Mapping[str, Any]) -> Vacation:
    """What is kept when these are the properties. Raises SetError."""
    for name in wanted:
        if name not in PROPERTIES:
            raise invalid_properties(f"a VacationResponse has no {name}", name)
    if wanted.get("id") != SINGLETON:
        raise invalid_properties("the id can't be changed", "id")
    is_enabled = wanted.get("isEnabled", False)
    if not isinstance(is_enabled, bool):
        raise invalid_properties("isEnabled is a Boolean", "isEnabled")
    begins, begins_at = _moment("fromDate", wanted)
    ends, ends_at = _moment("toDate", wanted)
    if ends and ends_at == _MIDNIGHT and ends > dt.date.min.isoformat():
        ends, ends_at = (dt.date.fromisoformat(ends) - _DAY).isoformat(), ""
    if begins and ends and (ends, ends_at or "~") <= (begins, begins_at):
        raise invalid_properties("it ends before it begins", "fromDate", "toDate")
    return msgspec.structs.replace(
        before,
        is_enabled=is_enabled,
        begins=begins,
        begins_at="" if begins_at == _MIDNIGHT else begins_at,
        ends=ends,
        ends_at=ends_at,
        subject=_text("subject", wanted, vacations.MAX_SUBJECT, str.isprintable),
        text=_text("textBody", wanted, vacations.MAX_TEXT, _is_text),
        html=_text("htmlBody", wanted, vacations.MAX_HTML, _is_text),
    )


def _moment(name: str, wanted: Mapping[str, Any]) -> tuple[str, str]:
    """Day and time of a UTCDate, "" for null."""
    value = wanted.get(name)
    if value is None:
        return "", ""
    try:
        at, offset = moment(value)
        if offset or not str(value).endswith("Z"):
            raise Unfit("it is in UTC, and ends in Z")  # noqa: TRY301
        found = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=at)
    except (Unfit, OverflowError) as error:
        raise invalid_properties(f"{name}: {error}", name) from None
    return found.date().isoformat(), found.time().isoformat("seconds")


def _text(name: str, wanted: Mapping[str, Any], most: int, is_fit: Callable[[str], bool]) -> str:
    value = wanted.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most or not is_fit(value):
        raise invalid_properties(
            f"{name} is text of at most {most} characters, without control characters", name
        )
    return value


def _is_text(text: str) -> bool:
    return all(letter.isprintable() or letter in "\r\n\t" for letter in text)


def _state(kept: Vacation) -> str:
    return blake2b(msgspec.json.encode(told(kept)), digest_size=12).hexdigest()


async def _kept(call: Call, account: Account) -> Vacation:
    return await vacations.kept(call.office, account.address) or _NOTHING
