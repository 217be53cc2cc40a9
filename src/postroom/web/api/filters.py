"""The API: how people sort their mail: rules, vacation, Sieve scripts."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from postroom.admin.filters import rules, scripts, vacations
from postroom.admin.filters.rules import RulesView
from postroom.admin.filters.scripts import ScriptView
from postroom.admin.filters.vacations import VacationView
from postroom.directory.rules import Action, Condition
from postroom.directory.vacations import DAYS, Vacation
from postroom.errors import Invalid
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("filters", "filters", "Rules, answers while away, and Sieve scripts of people.")


class NewCondition(Input, frozen=True, kw_only=True):
    """``field``: from, to, subject, list-id, header:NAME or size; ``test`` as in `postroom rule`."""

    field: str
    test: str
    value: str
    negated: bool = False


class NewAction(Input, frozen=True, kw_only=True):
    """``value``: the mailbox, flag or address."""

    kind: Literal["move", "copy", "flag", "forward", "discard", "stop"]
    value: str = ""


class NewRule(Input, frozen=True, kw_only=True):
    """Without conditions it holds for all mail."""

    conditions: tuple[NewCondition, ...] = ()
    actions: tuple[NewAction, ...]
    match: Literal["all", "any"] = "all"
    number: Annotated[int | None, Meta(description="Its place, from 1. Default: last.")] = None


class NewPlace(Input, frozen=True, kw_only=True):
    """Which number a rule has from now on."""

    to: int


class Away(Input, frozen=True, kw_only=True):
    """``begins`` and ``ends``: the first and the last day, YYYY-MM-DD; "" is always."""

    text: str
    subject: str = ""
    begins: str = ""
    ends: str = ""
    days: Annotated[int, Meta(description="Between two answers to one sender.")] = DAYS
    addresses: tuple[str, ...] = ()


class NewScript(Input, frozen=True, kw_only=True):
    """A Sieve script; ``active``: it runs from now on."""

    text: str
    active: bool = False


class ScriptText(Input, frozen=True, kw_only=True):
    """What stands in a script."""

    text: str


class NewScriptName(Input, frozen=True, kw_only=True):
    """What it is called from now on."""

    new: str


@NOUN.on("GET", "/accounts/{address}/rules")
async def ruled(call: Call, address: str) -> RulesView:
    """Show the rules of an account in their order."""
    return await rules.show(call.office, address)


@NOUN.on("POST", "/accounts/{address}/rules", status=201)
async def add_rule(call: Call, address: str, body: NewRule) -> RulesView:
    """Add a rule."""
    return await rules.add(
        call.office,
        address,
        [_condition(one) for one in body.conditions],
        [_action(one) for one in body.actions],
        any_of=body.match == "any",
        number=body.number,
    )


@NOUN.on("POST", "/accounts/{address}/rules/{number}/move")
async def move_rule(call: Call, address: str, number: str, body: NewPlace) -> RulesView:
    """Let a rule have another number."""
    return await rules.move(call.office, address, _number(number), body.to)


@NOUN.on("DELETE", "/accounts/{address}/rules/{number}")
async def remove_rule(call: Call, address: str, number: str) -> RulesView:
    """Delete a rule."""
    return await rules.remove(call.office, address, _number(number))


@NOUN.on("GET", "/accounts/{address}/vacation")
async def away(call: Call, address: str) -> VacationView:
    """Show what an account answers."""
    return await vacations.show(call.office, address)


@NOUN.on("PUT", "/accounts/{address}/vacation")
async def go_away(call: Call, address: str, body: Away) -> VacationView:
    """Answer mail while somebody is away."""
    return await vacations.change(
        call.office,
        address,
        Vacation(body.text, body.subject, body.begins, body.ends, body.days, body.addresses),
    )


@NOUN.on("DELETE", "/accounts/{address}/vacation")
async def come_back(call: Call, address: str) -> None:
    """Answer no more."""
    await vacations.end(call.office, address)


@NOUN.on("GET", "/accounts/{address}/scripts")
async def every(call: Call, address: str) -> list[ScriptView]:
    """List the Sieve scripts of an account."""
    return await scripts.every(call.office, address)


@NOUN.on("GET", "/accounts/{address}/scripts/{name}")
async def script(call: Call, address: str, name: str) -> ScriptText:
    """Show a script."""
    return ScriptText(text=await scripts.text(call.office, address, name))


@NOUN.on("PUT", "/accounts/{address}/scripts/{name}")
async def put_script(call: Call, address: str, name: str, body: NewScript) -> ScriptView:
    """Check and store a script, in place of one of that name."""
    octets = body.text.encode("utf-8", "replace")
    return await scripts.put(call.office, address, name, octets, active=body.active)


@NOUN.on("POST", "/accounts/{address}/scripts/{name}/activate")
async def activate(call: Call, address: str, name: str) -> ScriptView:
    """Let a script run, in place of the one before."""
    return await scripts.activate(call.office, address, name)


@NOUN.on("POST", "/accounts/{address}/scripts/deactivate")
async def deactivate(call: Call, address: str) -> None:
    """Let no script run."""
    await scripts.deactivate(call.office, address)


@NOUN.on("POST", "/accounts/{address}/scripts/{name}/rename")
async def rename_script(call: Call, address: str, name: str, body: NewScriptName) -> ScriptView:
    """Give a script another name."""
    return await scripts.rename(call.office, address, name, body.new)


@NOUN.on("DELETE", "/accounts/{address}/scripts/{name}")
async def remove_script(call: Call, address: str, name: str) -> None:
    """Remove a script that does not run."""
    await scripts.remove(call.office, address, name)


def _condition(one: NewCondition) -> Condition:
    return rules.condition(one.field, one.test, one.value, negated=one.negated)


def _action(one: NewAction) -> Action:
    return rules.action(one.kind, one.value)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid(f"{text} is no number of a rule")
    return int(text)
