"""``postroom account password`` and ``postroom account app-password``.

A password is never an argument: arguments stand in the process list. It is typed twice
on a terminal, read from standard input with ``--password-stdin``, or made up and printed
once.
"""

import sys
from collections.abc import Mapping

import click

from postroom.admin import credentials
from postroom.cli import output
from postroom.cli.work import run

password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of input."
)

_COLUMNS = [
    ("LABEL", lambda one: one.label),
    ("SCOPES", lambda one: ",".join(one.scopes)),
    ("CREATED", lambda one: one.created),
    ("LAST USED", lambda one: one.last_used or "never"),
]


def ask(address: str, *, from_stdin: bool, is_asked: bool = True) -> tuple[str, bool]:
    """A new password for an account, and whether it was made up (so it must be printed).

    ``is_asked``: on a terminal it is typed, twice, and one that would be guessed is taken only when
    that is meant; from a script there is a warning. Raises Invalid when ``address`` is none.
    """
    if from_stdin:
        line = _first_line("password")
        if reason := credentials.weakness(address, line):
            output.note(f"the password would be guessed: {reason}")
        return line, False
    if is_asked and sys.stdin.isatty():
        return _typed(address), False
    return credentials.random_password(), True


def piped(options: Mapping[str, object]) -> str | None:
    """What --password-stdin or --token-stdin of a login elsewhere read; None without either."""
    is_password, is_token = options["password_stdin"], options["token_stdin"]
    if is_password and is_token:
        raise click.UsageError("--password-stdin and --token-stdin can't stand together")
    if not is_password and not is_token:
        return None
    return _first_line("token" if is_token else "password")


def _first_line(word: str) -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"--{word}-stdin: there is no {word} on standard input")
    return line


def _typed(address: str) -> str:
    while True:
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        reason = credentials.weakness(address, typed)
        question = f"It would be guessed: {reason}. Take it all the same?"
        if not reason or click.confirm(question, err=True):
            return typed


@click.command()
@click.argument("address")
@password_stdin
@click.option("--remove", is_flag=True, help="Leave only app passwords, and whom [ldap] knows.")
@output.json_option
@click.pass_context
def password(
    context: click.Context, address: str, *, password_stdin: bool, remove: bool, as_json: bool
) -> None:
    """Set the password of the account ADDRESS."""
    if remove and password_stdin:
        raise click.UsageError("--remove and --password-stdin can't stand together")
    if remove:
        run(context, lambda office: credentials.remove_password(office, address))
        output.done({"address": address}, f"{address} has no password", as_json=as_json)
        return
    chosen, is_made_up = ask(address, from_stdin=password_stdin)
    run(context, lambda office: credentials.set_password(office, address, chosen))
    result = {"address": address} | ({"password": chosen} if is_made_up else {})
    output.done(result, f"password of {address} set", as_json=as_json)
    if is_made_up and not as_json:
        click.echo(f"password: {chosen}")


@click.group("app-password")
def app_password() -> None:
    """Passwords for single apps and devices, taken back one by one."""


@app_password.command()
@click.argument("address")
@click.option("--label", required=True, metavar="L", help="What it is for, such as: phone.")
@click.option("--scope", default="", metavar="S,..", help="imap, pop3, sieve, smtp. Default: all.")
@output.json_option
@click.pass_context
def add(context: click.Context, address: str, label: str, scope: str, *, as_json: bool) -> None:
    """Make an app password for the account ADDRESS and print it, once."""
    scopes = [word.strip() for word in scope.split(",") if word.strip()]
    made = run(context, lambda office: credentials.add_app(office, address, label, scopes))
    output.done({"address": address, "label": label, "password": made}, made, as_json=as_json)


@app_password.command("list")
@click.argument("address")
@output.json_option
@click.pass_context
def list_(context: click.Context, address: str, *, as_json: bool) -> None:
    """List the app passwords of the account ADDRESS."""
    found = run(context, lambda office: credentials.apps(office, address))
    output.table(found, _COLUMNS, as_json=as_json, empty=f"{address} has no app passwords.")


@app_password.command()
@click.argument("address")
@click.argument("label")
@output.json_option
@click.pass_context
def remove(context: click.Context, address: str, label: str, *, as_json: bool) -> None:
    """Take the app password LABEL of the account ADDRESS back."""
    run(context, lambda office: credentials.remove_app(office, address, label))
    output.done(
        {"address": address, "label": label},
        f"app password {label} of {address} removed",
        as_json=as_json,
    )
