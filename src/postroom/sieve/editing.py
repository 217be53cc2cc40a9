"""Changing the header block: ``addheader`` and ``deleteheader`` (RFC 5293).

The block changes for what comes after, tests and actions; the body stays as it is.
"""

from typing import Final

from postroom.message import headers
from postroom.message.charset import decode_words
from postroom.message.compose import field
from postroom.sieve.details import FIELD_NAME
from postroom.sieve.fields import chosen
from postroom.sieve.heads import Head, clean
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call

PROTECTED: Final = frozenset({"received", "auto-submitted", "delivered-to", "return-path"})
"""Neither added nor deleted: they stop loops and say where a letter has been (§6, §7)."""


def add_header(machine: Machine, call: Call) -> None:
    """The command ``addheader``: above all fields, or with ``:last`` below them."""
    name = machine.text(call.arguments[0])
    if not FIELD_NAME.fullmatch(name):
        raise RunError(f"{name[:60]!r} is no name of a header field")
    if name.lower() in PROTECTED:
        return
    line = field(name, machine.text(call.arguments[1])).encode("ascii", "replace") + b"\r\n"
    octets = machine.head.octets
    if "last" in call.tags:
        at = max([one.end for one in headers.fields(octets)], default=0)
        before = octets[:at]
        if before and not before.endswith(b"\n"):
            before += b"\r\n"
        octets = before + line + octets[at:]
    else:
        octets = line + octets
    _change(machine, octets)


def delete_header(machine: Machine, call: Call) -> None:
    """The command ``deleteheader``: the fields of a name, or those of them that fit."""
    name = machine.text(call.arguments[0]).lower()
    if name in PROTECTED:
        return
    octets = machine.head.octets
    machine.spend(1 + len(octets) // 16)
    found = [one for one in headers.fields(octets) if one.name == name.encode("utf-8", "replace")]
    unwanted = set()
    for one in chosen(found, call):
        value = headers.unfold(octets[one.value_start : one.end]).strip(b" \t\r\n")
        text = clean(decode_words(value)).strip(" \t\r\n")
        if call.arguments[1] is None or machine.compare(call, [text], call.arguments[1]):
            unwanted.add(one.start)
    if unwanted:
        _change(machine, headers.strip_where(octets, lambda one: one.start in unwanted))


def _change(machine: Machine, octets: bytes) -> None:
    machine.spend(1 + len(octets) // 16)
    if len(octets) > headers.MAX_HEADER:
        raise RunError("the header would become too large")
    machine.head = Head(octets)
    machine.is_edited = True
