"""``postroom account block`` and ``allow``: whose mail a person never wants, or always does."""

import click

from postroom.admin.filters import senders
from postroom.admin.filters.senders import SendersView
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.work import run
from postroom.directory.senders import List


@click.command()
@click.argument("account")
@click.argument("sender", nargs=-1, metavar="[SENDER]...")
@click.option("--remove", "removes", is_flag=True, help="Take SENDER off the list.")
@output.json_option
@click.pass_context
def block(
    context: click.Context, account: str, sender: tuple[str, ...], *, removes: bool, as_json: bool
) -> None:
    """Refuse mail from SENDER for ACCOUNT, or print whose mail is refused.

    SENDER is an address, a domain, or *.DOMAIN for what is below it; in the envelope or in
    From. What is refused can be looked at for two weeks: postroom rejects list ACCOUNT.
    """
    _change(context, "block", account, sender, removes=removes, as_json=as_json)


@click.command()
@click.argument("account")
@click.argument("sender", nargs=-1, metavar="[SENDER]...")
@click.option("--remove", "removes", is_flag=True, help="Take SENDER off the list.")
@output.json_option
@click.pass_context
def allow(
    context: click.Context, account: str, sender: tuple[str, ...], *, removes: bool, as_json: bool
) -> None:
    """Never file mail from SENDER as junk for ACCOUNT, or print whose mail is not.

    SENDER is an address, a domain, or *.DOMAIN for what is below it. It counts when the
    domain is proven by SPF, DKIM or DMARC; who is on the block list too is refused.
    """
    _change(context, "allow", account, sender, removes=removes, as_json=as_json)


def _change(
    context: click.Context,
    which: List,
    account: str,
    sender: tuple[str, ...],
    *,
    removes: bool,
    as_json: bool,
) -> None:
    if removes and not sender:
        raise click.UsageError("--remove needs a SENDER")

    async def work(office: Office) -> SendersView:
        if not sender:
            return await senders.show(office, account, which)
        change = senders.remove if removes else senders.add
        return await change(office, account, which, sender)

    found = run(context, work)
    verb = "refuses mail from" if which == "block" else "never takes for junk mail from"
    people = ", ".join(found.senders) or "nobody in particular"
    output.done(found, f"{found.account} {verb} {people}", as_json=as_json)
