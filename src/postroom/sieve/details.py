"""What must be right about single arguments, as far as they are known before the run.

A string with variables in it is looked at when it is filled in.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from postroom.address import Address, AddressError
from postroom.message.addresses import Mailbox, mailboxes, parse
from postroom.sieve import matching, strings
from postroom.sieve.addressing import mailbox_part
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call, Value

FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,200}")
ENVELOPE_PARTS: Final = frozenset({"from", "to", "auth"})
DATE_PARTS: Final = frozenset(
    {
        *("year", "month", "day", "date", "julian", "hour", "minute", "second"),
        *("time", "iso8601", "std11", "zone", "weekday"),
    }
)
ADDRESS_FIELDS: Final = frozenset(
    {
        *("from", "to", "cc", "bcc", "sender", "reply-to", "return-path", "delivered-to"),
        *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender"),
        *("resent-reply-to", "mail-reply-to", "mail-followup-to", "errors-to", "return-receipt-to"),
        *("disposition-notification-to", "x-original-to", "x-original-from", "envelope-to"),
        *("x-envelope-to", "x-envelope-from", "apparently-to", "x-forwarded-to", "x-loop"),
        *("x-sender", "x-delivered-to", "original-from", "abuse-reports-to", "approved"),
    }
)
ZONE: Final = re.compile(r"[+-](?:[01][0-9]|2[0-3])[0-5][0-9]")

Found = Iterator[tuple[int | str, str]]


class Known:
    """What the check has seen so far."""

    def __init__(self, extensions: set[str]) -> None:
        self.extensions = extensions
        self.variables: set[str] = set()
        self.shared: set[str] = set()  # those of the variables that are global
        self.loops = 0  # foreverypart around


def details(call: Call, known: Known) -> Found:
    """What is wrong: the index of the argument or the tag, and what is to be said."""
    yield from _common(call)
    detail = _DETAILS.get(call.name)
    if detail is not None:
        yield from detail(call, known)


def address(text: str) -> str:
    """The canonical form of an address, or of one behind a name (RFC 5228 §2.4.2.3).

    Raises RunError.
    """
    written = text.strip()
    if written.endswith(">"):
        found = parse(written.encode("utf-8", "replace"), 2)
        if len(found) == 1 and isinstance(found[0], Mailbox) and not found[0].route:
            written = mailbox_part(found[0], "all") or written
    try:
        return str(Address.parse(written))
    except AddressError as error:
        raise RunError(f"{text[:80]!r} is no address: {error}") from None


def constants(value: Value | None) -> list[str]:
    """The strings without variables."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, tuple) else []


def _common(call: Call) -> Found:
    tags = call.tags
    if "last" in tags and "index" not in tags and call.name in _INDEXED:
        yield "last", ":last needs :index beside it"
    if tags.get("index") == 0:
        yield "index", ":index counts from 1"
    for name in sorted(_OF_MIME & tags.keys()):
        if "mime" not in tags:
            yield name, f":{name} needs :mime beside it"
    if "specialuse" in tags:
        yield from _attributes("specialuse", constants(tags["specialuse"]))
    if "flags" in tags:
        yield from _flags("flags", constants(tags["flags"]))
    yield from _keys(call)


def _keys(call: Call) -> Found:
    if call.match.kind == "regex":
        for key in constants(call.arguments[-1]):
            try:
                matching.pattern(key, call.match.comparator)
            except RunError as error:
                yield len(call.arguments) - 1, str(error)
    if call.name in _FIELDS:
        for name in constants(call.arguments[0]):
            if not FIELD_NAME.fullmatch(name):
                yield 0, f"{name[:60]!r} is no name of a header field"


_OF_MIME: Final = frozenset({"anychild", "type", "subtype", "contenttype", "param"})
_INDEXED: Final = frozenset({"header", "address", "date", "deleteheader"})
_FIELDS: Final = frozenset({"header", "address", "exists", "date", "addheader", "deleteheader"})


def _flags(which: int | str, texts: Sequence[str]) -> Found:
    for flag in " ".join(texts).split():
        if not FLAG.fullmatch(flag):
            yield which, f"{flag[:60]!r} is no flag"


FLAG: Final = re.compile(r"\\?[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~\[]{1,100}", re.ASCII)
_ATTRIBUTE: Final = re.compile(r"\\[A-Za-z]+")


def _attributes(which: int | str, texts: Sequence[str]) -> Found:
    for text in texts:
        if not _ATTRIBUTE.fullmatch(text):
            yield which, f"{text[:60]!r} is no special use such as \\\\Junk"


def _redirect(call: Call, known: Known) -> Found:  # noqa: ARG001
    for text in constants(call.arguments[0]):
        try:
            address(text)
        except RunError as error:
            yield 0, str(error)


def _fileinto(call: Call, known: Known) -> Found:  # noqa: ARG001
    if "" in constants(call.arguments[0]):
        yield 0, "the name of the mailbox is empty"


def _address(call: Call, known: Known) -> Found:  # noqa: ARG001
    for name in constants(call.arguments[0]):
        if name.lower() not in ADDRESS_FIELDS:
            yield 0, f"{name[:60]!r} is no field that holds addresses; use header"


def _envelope(call: Call, known: Known) -> Found:  # noqa: ARG001
    for name in constants(call.arguments[0]):
        if name.lower() not in ENVELOPE_PARTS:
            yield 0, f"{name[:60]!r} is no part of the envelope: they are from, to and auth"


def _size(call: Call, known: Known) -> Found:  # noqa: ARG001
    if not call.tags:
        yield 0, "it needs :over or :under with a number"


def _variable(call: Call, known: Known) -> Found:
    """The name of the variable, in the first argument if it is there."""
    value = call.arguments[0]
    if value is None:
        return
    for text in value if isinstance(value, tuple) else ():
        if not isinstance(text, str):
            yield 0, "the name of a variable must stand there as it is"
            continue
        try:
            reference = strings.variable(text, known.extensions)
        except strings.BadString as error:
            yield 0, str(error)
        else:
            known.variables.add(f"{reference.namespace}.{reference.name}")


def _flag_command(call: Call, known: Known) -> Found:
    if call.arguments[0] is not None and "variables" not in known.extensions:
        yield 0, 'a variable for flags needs: require "variables";'
    else:
        yield from _variable(call, known)
    if call.name != "hasflag":
        yield from _flags(1, constants(call.arguments[1]))


def _date(call: Call, known: Known) -> Found:  # noqa: ARG001
    which = 1 if call.name == "date" else 0
    for text in constants(call.arguments[which]):
        if text.lower() not in DATE_PARTS:
            yield which, f"{text[:60]!r} is no part of a date: {', '.join(sorted(DATE_PARTS))}"
    for zone in constants(call.tags.get("zone")):
        if not ZONE.fullmatch(zone):
            yield "zone", f"{zone[:60]!r} is no zone such as +0200"


def _sending(call: Call, known: Known) -> Found:  # noqa: ARG001
    """What vacation and notify have in common."""
    for name in ("create", "specialuse", "mailboxid", "flags"):
        if name in call.tags and "fcc" not in call.tags:
            yield name, f":{name} needs :fcc beside it"
    if "" in constants(call.tags.get("fcc")):
        yield "fcc", "the name of the mailbox is empty"
    for text in constants(call.tags.get("from")):
        found = mailboxes(parse(text.encode()))
        if len(found) != 1 or not found[0].domain:
            yield "from", f"{text[:80]!r} is not one address"
    for text in constants(call.tags.get("addresses")):
        try:
            address(text)
        except RunError as error:
            yield "addresses", str(error)
    for text in constants(call.tags.get("importance")):
        if text not in {"1", "2", "3"}:
            yield "importance", "it is 1 (high), 2 or 3 (low)"


def _notify(call: Call, known: Known) -> Found:
    yield from _sending(call, known)
    for text in constants(call.arguments[0]):
        if not text.lower().startswith("mailto:"):
            yield 0, f"{text[:60]!r} is no address to notify; it must begin with mailto:"


def _extract(call: Call, known: Known) -> Found:
    if not known.loops:
        yield -1, "it works only inside foreverypart"
    yield from _variable(call, known)


def _constants_only(call: Call, known: Known) -> Found:  # noqa: ARG001
    value = call.arguments[0]
    if isinstance(value, tuple) and len(constants(value)) != len(value):
        yield 0, "variables can't stand here"


def _global(call: Call, known: Known) -> Found:
    if "variables" not in known.extensions:
        yield 0, 'global variables need: require "variables";'
        return
    for name in constants(call.arguments[0]):
        if f".{name.lower()}" in known.variables - known.shared:
            yield 0, f"the variable {name[:60]} was used before it was made global"
        known.shared.add(f".{name.lower()}")
    yield from _variable(call, known)


_DETAILS: Final[dict[str, Callable[[Call, Known], Found]]] = {
    "redirect": _redirect,
    "fileinto": _fileinto,
    "address": _address,
    "envelope": _envelope,
    "size": _size,
    "set": _variable,
    "setflag": _flag_command,
    "addflag": _flag_command,
    "removeflag": _flag_command,
    "hasflag": _flag_command,
    "global": _global,
    "date": _date,
    "currentdate": _date,
    "vacation": _sending,
    "notify": _notify,
    "extracttext": _extract,
    "ihave": _constants_only,
    "include": _constants_only,
}
