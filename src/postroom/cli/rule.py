"""``postroom rule``: add, list, move, remove, show."""

from typing import Final

import click

from postroom.admin.filters import rules
from postroom.admin.filters.rules import RulesView
from postroom.cli import output
from postroom.cli.work import run
from postroom.directory.rules import Action, Condition, Rule

_COLUMNS = [
    ("NO", lambda one: one[0]),
    ("IF", lambda one: _conditions(one[1])),
    ("THEN", lambda one: "; ".join(map(_action, one[1].actions))),
]
_TEST: Final = ("FIELD", "TEST", "VALUE")


@click.group()
def rule() -> None:
    """Rules that sort the mail of an account, without Sieve.

    All rules are tried in their order, then the account's active script; after a rule with
    --stop comes nothing more. Moves, copies and flags of several rules add up.
    """


@rule.command()
@click.argument("account")
@click.option(
    "--if", "conditions", nargs=3, multiple=True, metavar=" ".join(_TEST), help="A condition."
)
@click.option(
    "--unless", nargs=3, multiple=True, metavar=" ".join(_TEST), help="A condition, reversed."
)
@click.option("--any", "any_of", is_flag=True, help="One condition is enough; default: all.")
@click.option("--every", is_flag=True, help="No condition: for every message.")
@click.option("--flag", multiple=True, metavar="FLAG", help="seen, flagged, or a keyword.")
@click.option("--copy", multiple=True, metavar="FOLDER", help="A copy into this folder too.")
@click.option("--move", multiple=True, metavar="FOLDER", help="Into this folder, not the INBOX.")
@click.option("--forward", multiple=True, metavar="ADDRESS", help="On to this address too.")
@click.option("--discard", is_flag=True, help="Keep nothing, unless a folder gets it.")
@click.option("--stop", is_flag=True, help="No rule and no script after this one.")
@click.option("--at", "number", type=click.IntRange(min=1), metavar="N", help="Default: last.")
@output.json_option
@click.pass_context
def add(  # noqa: PLR0913
    context: click.Context,
    account: str,
    *,
    conditions: tuple[tuple[str, str, str], ...],
    unless: tuple[tuple[str, str, str], ...],
    any_of: bool,
    every: bool,
    flag: tuple[str, ...],
    copy: tuple[str, ...],
    move: tuple[str, ...],
    forward: tuple[str, ...],
    discard: bool,
    stop: bool,
    number: int | None,
    as_json: bool,
) -> None:
    r"""Add a rule to ACCOUNT.

    \b
    FIELD  from, to (and Cc), subject, list-id, header:NAME, size
    TEST   contains, is, matches (with * and ?); of size: over, under
    \b
    postroom rule add alice@example.org --if subject contains invoice --move Invoices
    """
    if every is bool(conditions or unless):
        raise click.UsageError("say when, with --if or --unless, or --every")
    asked = [
        *[rules.condition(*one) for one in conditions],
        *[rules.condition(*one, negated=True) for one in unless],
    ]
    given = {"flag": flag, "copy": copy, "move": move, "forward": forward}
    actions = [rules.action(kind, value) for kind, values in given.items() for value in values]
    actions += [Action("discard")] * discard + [Action("stop")] * stop
    found = run(
        context,
        lambda office: rules.add(office, account, asked, actions, any_of=any_of, number=number),
    )
    added = len(found.rules) if number is None else number
    output.done(found, f"rule {added} of {found.account} added", as_json=as_json)


@rule.command("list")
@click.argument("account")
@output.json_option
@click.pass_context
def list_(context: click.Context, account: str, *, as_json: bool) -> None:
    """List the rules of ACCOUNT in their order."""
    _show(run(context, lambda office: rules.show(office, account)), as_json=as_json)


@rule.command()
@click.argument("account")
@click.option("--sieve", is_flag=True, help="As the Sieve that they are.")
@output.json_option
@click.pass_context
def show(context: click.Context, account: str, *, sieve: bool, as_json: bool) -> None:
    """Show the rules of ACCOUNT, or with --sieve the script that is made of them."""
    if sieve:
        text = run(context, lambda office: rules.sieve(office, account))
        click.echo(output.encode({"sieve": text}) if as_json else text, nl=as_json)
        return
    _show(run(context, lambda office: rules.show(office, account)), as_json=as_json)


@rule.command()
@click.argument("account")
@click.argument("number", type=int)
@click.argument("to", type=int)
@output.json_option
@click.pass_context
def move(context: click.Context, account: str, number: int, to: int, *, as_json: bool) -> None:
    """Let rule NUMBER of ACCOUNT be number TO."""
    found = run(context, lambda office: rules.move(office, account, number, to))
    output.done(found, f"rule {number} is number {to}", as_json=as_json)


@rule.command()
@click.argument("account")
@click.argument("number", type=int)
@output.json_option
@click.pass_context
def remove(context: click.Context, account: str, number: int, *, as_json: bool) -> None:
    """Delete rule NUMBER of ACCOUNT; those after it move up."""
    found = run(context, lambda office: rules.remove(office, account, number))
    output.done(found, f"rule {number} of {found.account} removed", as_json=as_json)


def _show(found: RulesView, *, as_json: bool) -> None:
    if as_json:
        click.echo(output.encode(found))
        return
    output.table(list(enumerate(found.rules, 1)), _COLUMNS, empty=f"{found.account} has no rules.")
    if found.script:
        output.note(f"then the script {found.script} runs")


def _conditions(one: Rule) -> str:
    if not one.conditions:
        return "every message"
    return (" or " if one.match == "any" else " and ").join(map(_condition, one.conditions))


def _condition(one: Condition) -> str:
    field = f"header:{one.name}" if one.name else one.field
    return f"{'not ' if one.negated else ''}{field} {one.test} {one.value}"


def _action(one: Action) -> str:
    return f"{one.kind} {one.value}".rstrip()
