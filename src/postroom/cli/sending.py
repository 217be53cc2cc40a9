"""``postroom account forward``, ``send-as`` and ``release``: where mail goes on, who sends what."""

from typing import Final, Literal

import click

from postroom.admin import forwards, sending
from postroom.admin.forwards import ForwardView
from postroom.admin.office import Office
from postroom.admin.sending import SendAsView
from postroom.cli import output
from postroom.cli.work import run

MAX_LIMIT: Final = 100_000_000


class SendLimit(click.ParamType[int | Literal["default"]]):
    """A number of recipients, ``none``, or ``default`` for that of the settings."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | Literal["default"]:
        """Read it; 0 is none."""
        word = str(value).strip().lower()
        if word == "default":
            return "default"
        if word == "none":
            return 0
        if not (word.isascii() and word.isdigit()) or not 1 <= len(word) <= 9:
            self.fail(f"{word!r} is no limit; write a number, none or default", param, ctx)
        if not 1 <= int(word) <= MAX_LIMIT:
            self.fail(f"a limit is a number from 1 to {MAX_LIMIT}, none or default", param, ctx)
        return int(word)


@click.command()
@click.argument("account")
@click.option("--to", multiple=True, metavar="ADDRESS", help="Where to; repeat it for more.")
@click.option("--keep/--no-keep", "keep", default=None, help="Keep a copy (default) or none.")
@click.option("--off", is_flag=True, help="Forward to nobody.")
@output.json_option
@click.pass_context
def forward(
    context: click.Context,
    account: str,
    to: tuple[str, ...],
    *,
    keep: bool | None,
    off: bool,
    as_json: bool,
) -> None:
    """Forward the mail of ACCOUNT to other addresses, or print where it goes."""
    if off and (to or keep is not None):
        raise click.UsageError("--off stands alone")

    async def work(office: Office) -> ForwardView:
        if off:
            return await forwards.end(office, account)
        if to or keep is not None:
            return await forwards.change(office, account, to=to, keep=keep)
        return await forwards.show(office, account)

    found = run(context, work)
    where = ", ".join(found.to) or "nobody"
    copy = ", a copy is kept" if found.to and found.keeps_copy else ""
    output.done(found, f"{found.account} forwards to {where}{copy}", as_json=as_json)
    if found.unknown:
        output.note(f"{found.unknown[0]} does not receive mail (yet)")


@click.command("send-as")
@click.argument("account")
@click.option("--add", "more", metavar="ADDRESS", help="One more, or @DOMAIN for all of it.")
@click.option("--remove", "less", metavar="ADDRESS", help="One less.")
@output.json_option
@click.pass_context
def send_as(
    context: click.Context, account: str, more: str | None, less: str | None, *, as_json: bool
) -> None:
    """Let ACCOUNT send as another ADDRESS too, or print what it may send as."""
    if more is not None and less is not None:
        raise click.UsageError("--add and --remove exclude each other")

    async def work(office: Office) -> SendAsView:
        if more is not None:
            return await sending.grant(office, account, more)
        if less is not None:
            return await sending.revoke(office, account, less)
        return await sending.show(office, account)

    found = run(context, work)
    if as_json:
        click.echo(output.encode(found))
    elif more is not None:
        click.echo(output.printable(f"{found.account} may send as {more}"))
    elif less is not None:
        click.echo(output.printable(f"{found.account} may no longer send as {less}"))
    else:
        output.details([("account", found.account), ("may send as", found.send_as or "itself")])


@click.command()
@click.argument("address")
@output.json_option
@click.pass_context
def release(context: click.Context, address: str, *, as_json: bool) -> None:
    """Let the account ADDRESS send again.

    It has reached its limit, or was held as somebody else seemed to use it ([alerts] hijack): then
    what it sent and still waits goes on as well. Remove that first where it is spam: postroom queue
    remove --sender ADDRESS.
    """
    released = run(context, lambda office: sending.release(office, address))
    goes = "goes" if released.messages == 1 else "go"
    more = f", {output.count(released.messages, 'message')} {goes} on" if released.messages else ""
    output.done(released, f"account {released.account} may send again{more}", as_json=as_json)
    if not released.was_stopped:
        output.note("it had not been stopped; its count begins anew")
