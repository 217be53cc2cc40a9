"""``postroom spam``: train, status, level, test, forget."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from postroom.admin import spam as admin
from postroom.admin.moving import letterbox
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
@click.option("--spam", "spams", multiple=True, metavar="PATH", help="Messages that are spam.")
@click.option("--ham", "hams", multiple=True, metavar="PATH", help="Messages that are not.")
@click.argument("words", metavar="[ACCOUNT] [PATH]...", nargs=-1)
@output.json_option
@click.pass_context
def train(
    context: click.Context,
    words: tuple[str, ...],
    spams: tuple[str, ...],
    hams: tuple[str, ...],
    *,
    for_all: bool,
    as_json: bool,
) -> None:
    """Teach the filter which messages are spam and which are not.

    A PATH is a message, an mbox, a Maildir or another folder of messages, or - for standard
    input; further ones are of the kind that was named. Name both kinds in one command if you
    have both: they are learned best in turn. A message counts once; learned as the other kind it
    is unlearned first.
    """
    if not for_all and not words:
        raise click.UsageError("name an ACCOUNT, or --global")
    address, further = ("", words) if for_all else (words[0], words[1:])
    if not spams and not hams:
        raise click.UsageError("name messages: --spam PATH, --ham PATH or both")
    if further and spams and hams:
        raise click.UsageError(f"say what {further[0]} is: --spam or --ham before each")
    spam, ham = (_letters((*named, *(further if named else ()))) for named in (spams, hams))
    ratio = _ratio(spams, hams)
    found = run(
        context,
        lambda office: admin.train(office, address, spam=spam, ham=ham, ham_for_spam=ratio),
    )
    sentence = f"{found.spam} spam and {found.ham} ham read, {found.learned} of them learned"
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
        click.echo(f"{sign.points:+6.1f}  {output.printable(sign.words)}")
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
    sentence = f"{output.count(count, 'lesson')} of {whose} forgotten"
    output.done({"lessons": count}, sentence, as_json=as_json)


def _ratio(spams: Sequence[str], hams: Sequence[str]) -> float:
    """How many hams there are for each spam; 1 where that can't be known before."""
    if not spams or not hams or "-" in (*spams, *hams):
        return 1.0
    spam, ham = (sum(1 for _ in _letters(paths)) for paths in (spams, hams))
    return ham / spam if spam else 1.0


def _letters(paths: Sequence[str]) -> Iterator[bytes]:
    for path in paths:
        if path == "-":
            yield from letterbox.read(sys.stdin.buffer)
        else:
            yield from letterbox.letters(Path(path))


def _show(found: admin.Status, *, as_json: bool) -> None:
    is_enough = min(found.spam, found.ham) >= found.needed
    output.thing(
        found,
        [
            ("filter", "on" if found.enabled else "off"),
            ("account", found.address or "everybody"),
            ("spam", found.spam),
            ("ham", found.ham),
            ("judges by it", is_enough or f"no, needs {found.needed} of each"),
            ("tokens", found.tokens),
            ("waiting", found.waiting),
            ("level", found.level if found.address else ""),
        ],
        as_json=as_json,
    )
