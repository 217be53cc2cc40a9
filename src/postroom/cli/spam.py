"""``postroom spam``: train, status, level, test, forget."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from postroom.admin import letterbox, spam as admin
from postroom.cli import output
from postroom.cli.work import run

_SHOWN: Final = 20  # clues


@click.group()
def spam() -> None:
    """The spam filter: teach it, and ask it.

    It learns from people too: what they move into Junk is spam; what they take out of it, answer
    or file in Archive is not.
    """


@spam.command()
@click.option("--global", "for_all", is_flag=True, help="Teach it for every account.")
@click.option("--spam/--ham", "is_spam", default=None, help="What the messages are.")
@click.argument("words", metavar="[ACCOUNT] FILE|MBOX|MAILDIR|-...", nargs=-1, required=True)
@output.json_option
@click.pass_context
def train(
    context: click.Context,
    words: tuple[str, ...],
    *,
    for_all: bool,
    is_spam: bool | None,
    as_json: bool,
) -> None:
    """Teach the filter that messages are spam, or that they are not (--ham).

    A message that is known already counts once; learned as the other it is unlearned first.
    """
    if is_spam is None:
        raise click.UsageError("say what the messages are: --spam or --ham")
    address, paths = ("", words) if for_all else (words[0], words[1:])
    if not paths:
        raise click.UsageError("name an ACCOUNT (or --global) and the messages")
    found = run(
        context, lambda office: admin.train(office, address, _letters(paths), is_spam=is_spam)
    )
    kind = "spam" if is_spam else "ham"
    noun = "message" if found.messages == 1 else "messages"
    sentence = f"{found.messages} {noun} read, {found.learned} learned as {kind}"
    output.done(found, sentence, as_json=as_json)


@spam.command()
@click.argument("account", default="", required=False)
@output.json_option
@click.pass_context
def status(context: click.Context, account: str, *, as_json: bool) -> None:
    """Show what the filter has learned, for ACCOUNT or for everybody."""
    _show(run(context, lambda office: admin.status(office, account)), as_json=as_json)


@spam.command()
@click.argument("account")
@click.argument("level", type=click.Choice(admin.levels()))
@output.json_option
@click.pass_context
def level(context: click.Context, account: str, level: str, *, as_json: bool) -> None:
    """Choose how strict the filter is with mail for ACCOUNT."""
    found = run(context, lambda office: admin.set_level(office, account, level))
    output.done(found, f"the filter is {found.level} for {account}", as_json=as_json)


@spam.command()
@click.argument("file")
@click.option("--account", default="", metavar="ACCOUNT", help="Judge it as for this account.")
@output.json_option
@click.pass_context
def test(context: click.Context, file: str, account: str, *, as_json: bool) -> None:
    """Tell what the filter says of the message in FILE (-: standard input), and why."""
    letter = next(_letters([file]), b"")
    found = run(context, lambda office: admin.judge(office, letter, account))
    if as_json:
        click.echo(output.encode(found))
        return
    verdict = "junk" if found.junk else "not junk"
    click.echo(f"{verdict}: {found.score:.1f} points, junk from {found.threshold:.1f}")
    for sign in found.signs:
        click.echo(f"{sign.points:+6.1f}  {sign.words}")
    if not found.clues:
        click.echo("  none  by what was learned: it is too little, or nothing of it is known")
        return
    click.echo(f"{found.learned:+6.1f}  by what was learned; how likely it is spam, by")
    for clue in found.clues[:_SHOWN]:
        seen = f"in {clue.spam} spam, {clue.ham} ham"
        click.echo(f"{clue.probability:12.1%}  {output.printable(clue.words)} ({seen})")


@spam.command()
@click.argument("account", default="", required=False)
@click.option("--global", "for_all", is_flag=True, help="What counts for every account.")
@output.json_option
@click.pass_context
def forget(context: click.Context, account: str, *, for_all: bool, as_json: bool) -> None:
    """Forget all that was learned for ACCOUNT (or --global), for good."""
    if for_all is bool(account):
        raise click.UsageError("name an ACCOUNT, or --global")
    count = run(context, lambda office: admin.forget(office, account))
    whose = account or "everybody"
    output.done({"lessons": count}, f"{count} lessons of {whose} forgotten", as_json=as_json)


def _letters(paths: Sequence[str]) -> Iterator[bytes]:
    for path in paths:
        if path == "-":
            yield from letterbox.read(sys.stdin.buffer)
        else:
            yield from letterbox.letters(Path(path))


def _show(found: admin.Status, *, as_json: bool) -> None:
    if as_json:
        click.echo(output.encode(found))
        return
    is_enough = min(found.spam, found.ham) >= found.needed
    output.details(
        [
            ("filter", "on" if found.enabled else "off"),
            ("account", found.address or "everybody"),
            ("spam", found.spam),
            ("ham", found.ham),
            ("judges by it", is_enough or f"no, needs {found.needed} of each"),
            ("tokens", found.tokens),
            ("waiting", found.waiting),
            ("level", found.level if found.address else ""),
        ]
    )
