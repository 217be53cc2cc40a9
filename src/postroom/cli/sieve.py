"""``postroom sieve``: check, test, put, get, list, activate, deactivate, rename, remove."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from postroom.access.scripts import BadScript
from postroom.admin.filters import script_trial, scripts
from postroom.admin.filters.script_trial import Tried
from postroom.cli import output
from postroom.cli.work import run
from postroom.directory.scripts import named
from postroom.errors import Invalid
from postroom.sieve.compiler import compile_script
from postroom.sieve.problems import Problem, ScriptError

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_COLUMNS = [
    ("NAME", lambda one: one.name),
    ("STATE", lambda one: "active" if one.active else ""),
    ("OCTETS", lambda one: one.octets),
    ("UPDATED", lambda one: one.updated),
]


@click.group()
def sieve() -> None:
    """Scripts that filter mail as it arrives (RFC 5228).

    Where an ACCOUNT is asked for, the word global stands for the scripts of the site: the active
    one runs on every message before what its account has, the others may be included.
    """


@sieve.command()
@click.argument("file", type=_FILE)
@output.json_option
@click.pass_context
def check(context: click.Context, file: Path, *, as_json: bool) -> None:
    """Say whether the script in FILE is valid, or where it is not."""
    found = script_trial.check(file.read_bytes())
    if as_json:
        click.echo(output.encode(found))
    elif found.problems:
        _complain(file, found.problems)
    else:
        requires = f", requires {', '.join(found.extensions)}" if found.extensions else ""
        click.echo(output.printable(f"{file}: valid{requires}"))
    if found.problems:
        context.exit(1)


@sieve.command()
@click.argument("script", type=_FILE)
@click.argument("letter", type=_FILE)
@click.option("--from", "sender", metavar="ADDRESS", help='MAIL FROM; "" for the null path.')
@click.option("--to", "recipient", metavar="ADDRESS", help="Whom it is for.")
@click.option("--folder", multiple=True, metavar="NAME", help="A folder that exists; repeatable.")
@click.option("--trace", is_flag=True, help="Print the commands that are run.")
@output.json_option
@click.pass_context
def test(  # noqa: PLR0913
    context: click.Context,
    script: Path,
    letter: Path,
    *,
    sender: str | None,
    recipient: str | None,
    folder: tuple[str, ...],
    trace: bool,
    as_json: bool,
) -> None:
    """Say what SCRIPT would do with LETTER. Nothing is filed or sent.

    A script that it includes is NAME.sieve in its own folder.
    """
    try:
        compiled = compile_script(script.read_bytes())
    except ScriptError as error:
        _complain(script, error.problems)
        context.exit(1)
    tried = script_trial.try_on(
        compiled,
        letter.read_bytes(),
        now=time.time_ns() // 1_000_000,
        sender=sender,
        recipient=recipient,
        folders=folder,
        included=lambda name: _beside(script, name),
    )
    if as_json:
        click.echo(output.encode(tried))
        return
    if trace:
        _trace(tried)
    for action in tried.actions:
        click.echo(output.printable(described(action)))
    if tried.error is not None:
        output.note(f"the script failed, so the letter is kept: {tried.error}")


@sieve.command("list")
@click.argument("account")
@output.json_option
@click.pass_context
def list_(context: click.Context, account: str, *, as_json: bool) -> None:
    """List the scripts of ACCOUNT."""
    found = run(context, lambda office: scripts.every(office, account))
    output.table(found, _COLUMNS, as_json=as_json, empty=f"{account} has no scripts.")


@sieve.command()
@click.argument("account")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@click.option("--activate", is_flag=True, help="Let it run from now on.")
@output.json_option
@click.pass_context
def put(
    context: click.Context, account: str, name: str, file: Any, *, activate: bool, as_json: bool
) -> None:
    """Store the script in FILE (- for standard input) as NAME, in place of one of that name."""
    octets = file.read()
    try:
        stored = run(
            context, lambda office: scripts.put(office, account, name, octets, active=activate)
        )
    except BadScript as error:
        _complain(Path(file.name), error.problems)
        context.exit(1)
    runs = " and runs" if stored.active else ""
    output.done(stored, f"script {stored.name} of {stored.account} stored{runs}", as_json=as_json)
    for warning in stored.warnings:
        output.note(warning)


@sieve.command()
@click.argument("account")
@click.argument("name")
@click.pass_context
def get(context: click.Context, account: str, name: str) -> None:
    """Print the script NAME of ACCOUNT as it was stored."""
    found = run(context, lambda office: scripts.text(office, account, name))
    click.echo(found.encode(), nl=False)


@sieve.command()
@click.argument("account")
@click.argument("name")
@output.json_option
@click.pass_context
def activate(context: click.Context, account: str, name: str, *, as_json: bool) -> None:
    """Let the script NAME run on the mail of ACCOUNT, in place of the one before."""
    found = run(context, lambda office: scripts.activate(office, account, name))
    output.done(found, f"script {found.name} of {found.account} runs", as_json=as_json)


@sieve.command()
@click.argument("account")
@output.json_option
@click.pass_context
def deactivate(context: click.Context, account: str, *, as_json: bool) -> None:
    """Let no script run on the mail of ACCOUNT; rules and vacation go on."""
    run(context, lambda office: scripts.deactivate(office, account))
    output.done({"account": account}, f"no script of {account} runs", as_json=as_json)


@sieve.command()
@click.argument("account")
@click.argument("name")
@click.argument("new")
@output.json_option
@click.pass_context
def rename(context: click.Context, account: str, name: str, new: str, *, as_json: bool) -> None:
    """Give the script NAME of ACCOUNT the name NEW; an active one stays active."""
    found = run(context, lambda office: scripts.rename(office, account, name, new))
    output.done(found, f"script {name} is {found.name}", as_json=as_json)


@sieve.command()
@click.argument("account")
@click.argument("name")
@output.json_option
@click.pass_context
def remove(context: click.Context, account: str, name: str, *, as_json: bool) -> None:
    """Delete the script NAME of ACCOUNT."""
    run(context, lambda office: scripts.remove(office, account, name))
    output.done(
        {"account": account, "name": name}, f"script {name} of {account} removed", as_json=as_json
    )


def described(action: Mapping[str, Any]) -> str:
    """An action in a line."""
    match action["action"]:
        case "keep":
            how = " (nothing else was said)" if action["is_implicit"] else ""
            return f"keep: INBOX{how}{_flags(action)}"
        case "fileinto":
            place = action["mailbox"]
            if action["special_use"]:
                place = f"{place} (or where {action['special_use']} is)"
            return f"fileinto: {place}{_flags(action)}"
        case "redirect":
            return f"redirect: {action['address']}"
        case "reject":
            return f"reject: {action['reason']}"
        case "vacation":
            why = f" (not sent: {action['not_sent']})" if action["not_sent"] else ""
            return f"vacation: {action['subject']}{why}"
        case "notify":
            return f"notify: {', '.join(action['to'])}: {action['subject']}"
        case _:
            return str(action["action"])


def _flags(action: Mapping[str, Any]) -> str:
    return f" [{' '.join(action['flags'])}]" if action["flags"] else ""


def _trace(tried: Tried) -> None:
    for passed in tried.trace:
        script = f"{passed.script}: " if passed.script else ""
        click.echo(
            output.printable(f"  {script}line {passed.line}, column {passed.column}: ")
            + output.printable(passed.command)
        )


def _complain(file: Path, problems: Sequence[Problem]) -> None:
    for one in problems:
        click.echo(output.printable(f"{file}:{one.line}:{one.column}: {one.text}"), err=True)


def _beside(script: Path, name: str) -> bytes | None:
    """The script that is included; its name is no path."""
    try:
        path = script.parent / f"{named(name)}.sieve"
    except Invalid:
        return None
    return path.read_bytes() if path.is_file() else None
