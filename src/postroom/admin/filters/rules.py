"""Rules of accounts in place of Sieve: read from words, checked, shown as the Sieve they are."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, get_args

import msgspec

from postroom.admin import names
from postroom.admin.credentials import is_holding
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, rules, scripts, sieve_text
from postroom.directory.accounts import Account
from postroom.directory.rules import Action, Condition, Field, Rule
from postroom.errors import Invalid, Refused
from postroom.sieve.compiler import compile_script
from postroom.sieve.limits import Limits
from postroom.sieve.problems import ScriptError
from postroom.store.names import checked

MAX_CONDITIONS: Final = 20
MAX_ACTIONS: Final = 20
MAX_VALUE: Final = 1000  # characters

_ORDER: Final = ("flag", "copy", "move", "forward", "discard", "stop")
"""In which the actions of a rule are done: flags stand on what is filed after them."""
_FLAGS: Final = {
    name: f"\\{name.capitalize()}" for name in ("seen", "answered", "flagged", "deleted", "draft")
}
_KEYWORD: Final = re.compile(r'[^\s\x00-\x1f\x7f-\U0010ffff(){}\[\]%*"\\]{1,100}')
_HEADER: Final = re.compile(r"[!-9;-~]{1,100}")  # RFC 5322 §2.2
_SIZE: Final = re.compile(r"([0-9]{1,12})([KMG]?)", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class RulesView(msgspec.Struct, frozen=True):
    """The rules of an account in their order, and the active script that runs after them."""

    account: str
    rules: tuple[Rule, ...]
    script: str


def condition(field: str, test: str, value: str, *, negated: bool = False) -> Condition:
    """Read ``subject contains invoice``; ``header:NAME`` names any field. Raises Invalid."""
    field, colon, name = field.partition(":")
    field = field.lower()
    if field not in get_args(Field) or (field == "header") is not bool(colon):
        raise Invalid(
            f"{field} can't be asked; there are from, to, subject, list-id, header:NAME and size"
        )
    test = test.lower()
    tests = ("over", "under") if field == "size" else ("contains", "is", "matches")
    if test not in tests:
        raise Invalid(f"{field} {test} is no test; {field} has {', '.join(tests)}")
    if colon and not _HEADER.fullmatch(name):
        raise Invalid(f"{name!r} is no name of a header field")
    value = str(_size(value)) if field == "size" else _text(value)
    return msgspec.convert(
        {"field": field, "test": test, "value": value, "name": name, "negated": negated},
        Condition,
    )


def action(kind: str, value: str = "") -> Action:
    """Read ``move Lists`` or ``forward bob@example.org``. Raises Invalid."""
    match kind:
        case "move" | "copy":
            return Action(kind, checked(value))
        case "flag":
            return Action(kind, _flag(value))
        case "forward":
            return Action(kind, str(names.address(value)))
        case "discard" | "stop":
            return Action(kind)
        case _:
            raise Invalid(f"{kind!r} is nothing a rule can do")


async def show(office: Office, account: str) -> RulesView:
    """The rules of an account."""
    name = names.address(account)
    return await office.directory.look(lambda tx: _view(tx, accounts.require(tx, name)))


async def sieve(office: Office, account: str) -> str:
    """The Sieve that the rules of an account are, with its active script at the end."""
    found = await show(office, account)
    return sieve_text.rules_text(found.rules, found.script or None)


@recorded("rule.add", "account", "conditions", "actions", "any_of", "number")
async def add(
    office: Office,
    account: str,
    conditions: Sequence[Condition],
    actions: Sequence[Action],
    *,
    any_of: bool = False,
    number: int | None = None,
) -> RulesView:
    """Add a rule, last or at a number. Raises Invalid, NotFound.

    Its actions are done in a fixed order: flag, copy, move, forward, discard, stop.
    """
    rule = made(conditions, actions, any_of=any_of)
    name, ident = names.address(account), office.ids.next()

    def write(tx: Tx) -> RulesView:
        found = accounts.require(tx, name)
        if found.kind == "holding":
            raise is_holding(found)
        rules.add(tx, found.id, ident, rule, number)
        return _view(tx, found)

    return await office.directory.change(write)


@recorded("rule.replace", "account", "rules_of_it")
async def replace(office: Office, account: str, rules_of_it: Sequence[Rule]) -> RulesView:
    """Let these, which ``made`` has made, be the rules of an account. Raises Invalid, NotFound."""
    name = names.address(account)
    idents = [office.ids.next() for _ in rules_of_it]

    def write(tx: Tx) -> RulesView:
        found = accounts.require(tx, name)
        if found.kind == "holding":
            raise is_holding(found)
        for _ in rules.of(tx, found.id):
            rules.remove(tx, found.id, 1)
        for ident, rule in zip(idents, rules_of_it, strict=True):
            rules.add(tx, found.id, ident, rule)
        return _view(tx, found)

    return await office.directory.change(write)


@recorded("rule.move", "account", "number", "to")
async def move(office: Office, account: str, number: int, to: int, *, seen: str = "") -> RulesView:
    """Let a rule have another number; with ``seen``, its ``mark``, no other rule than that."""
    name = names.address(account)

    def write(tx: Tx) -> RulesView:
        found = accounts.require(tx, name)
        _require_same(tx, found, number, seen)
        rules.move(tx, found.id, number, to)
        return _view(tx, found)

    return await office.directory.change(write)


@recorded("rule.remove", "account", "number")
async def remove(office: Office, account: str, number: int, *, seen: str = "") -> RulesView:
    """Delete a rule; with ``seen``, its ``mark``, no other rule than that."""
    name = names.address(account)

    def write(tx: Tx) -> RulesView:
        found = accounts.require(tx, name)
        _require_same(tx, found, number, seen)
        rules.remove(tx, found.id, number)
        return _view(tx, found)

    return await office.directory.change(write)


def made(conditions: Sequence[Condition], actions: Sequence[Action], *, any_of: bool) -> Rule:
    """A rule as it is stored. Raises Invalid."""
    if not actions:
        raise Invalid("the rule does nothing; give it something to do")
    if len(conditions) > MAX_CONDITIONS or len(actions) > MAX_ACTIONS:
        raise Invalid(f"a rule has at most {MAX_CONDITIONS} conditions and {MAX_ACTIONS} actions")
    most = Limits().max_redirects
    if sum(one.kind == "forward" for one in actions) > most:
        raise Invalid(f"a letter is forwarded to at most {most} addresses")
    in_order = sorted(dict.fromkeys(actions), key=lambda one: _ORDER.index(one.kind))
    rule = Rule("any" if any_of else "all", tuple(conditions), tuple(in_order))
    try:
        compile_script(sieve_text.rules_text([rule], None).encode())
    except ScriptError as error:
        raise Invalid(f"the rule makes no sense: {error.problems[0].text}") from error
    return rule


def mark(rule: Rule) -> str:
    """By which a page tells that a number still means the rule that was seen on it."""
    return hashlib.sha256(msgspec.json.encode(rule)).hexdigest()[:16]


def _require_same(tx: Tx, account: Account, number: int, seen: str) -> None:
    if seen and seen not in map(mark, rules.of(tx, account.id)[number - 1 : number]):
        raise Refused(f"the rules were changed meanwhile: rule {number} is another one now")


def _view(tx: Tx, account: Account) -> RulesView:
    active = scripts.active(tx, account.id)
    found = tuple(rules.of(tx, account.id))
    return RulesView(str(account.address), found, active[0] if active else "")


def _text(value: str) -> str:
    if not value or len(value) > MAX_VALUE or not value.isprintable():
        raise Invalid(f"what is looked for has 1 to {MAX_VALUE} printable characters")
    return value


def _size(value: str) -> int:
    found = _SIZE.fullmatch(value)
    if found is None:
        raise Invalid(f"{value!r} is no size; write a number of octets, or such as 500K or 5M")
    return int(found[1]) * _UNITS[found[2].upper()]


def _flag(value: str) -> str:
    system = _FLAGS.get(value.removeprefix("\\").lower())
    if system is not None:
        return system
    if not _KEYWORD.fullmatch(value):
        raise Invalid(f"{value!r} is no flag; write seen, flagged, or a keyword of letters")
    return value
