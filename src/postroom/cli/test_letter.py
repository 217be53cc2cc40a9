"""``postroom test-letter``: one message in, and one out where an address is named."""

from collections.abc import Sequence
from typing import Final

import click

from postroom.admin import letter_test
from postroom.admin.letter_test import LetterTest
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run

_MARKS: Final = {"arrived": "ok", "delivered": "ok", "waiting": "look", "failed": "BAD"}
_COLOURS: Final = {"ok": "green", "look": "yellow", "BAD": "red"}


@click.command()
@click.option("--to", metavar="ADDRESS", help="Also write to this address on another server.")
@click.option("--account", metavar="A", help="Whose mail is tested. Default: the first admin's.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=letter_test.SECONDS,
    show_default=True,
    help="How long the message that goes out is followed.",
)
@output.json_option
@click.pass_context
def test_letter(
    context: click.Context, *, to: str | None, account: str | None, seconds: float, as_json: bool
) -> None:
    """See whether mail comes in, and with --to whether it goes out.

    A message is brought to the SMTP port of this server, as strangers bring theirs, and looked
    for in the mailbox. One to ADDRESS is followed until its server has taken or refused it. The
    server must be running. The exit status is 1 unless all arrived.
    """
    done = run(
        context, lambda office: both(office, account=account or "", to=to or "", seconds=seconds)
    )
    if as_json:
        click.echo(output.encode(done))
    else:
        show(done)
    if not all(one.is_good for one in done):
        context.exit(1)


async def both(office: Office, *, account: str, to: str, seconds: float) -> list[LetterTest]:
    """In, and out when an address is named."""
    mine = await letter_test.recipient(office, account)
    done = [await letter_test.come_in(office, mine)]
    if to:
        done.append(await letter_test.go_out(office, mine, to, seconds=seconds))
    return done


def show(done: Sequence[LetterTest]) -> None:
    """For people: a line each, with what to do below."""
    for one in done:
        mark = _MARKS[one.state]
        styled = click.style(f"{mark:<4}", fg=_COLOURS[mark])
        click.echo(f"{styled}  {f'mail {one.way}':<8}  {output.printable(one.words)}")
        if one.action:
            click.echo(f"      {'':<8}  -> {output.printable(one.action)}")
