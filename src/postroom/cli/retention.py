"""``postroom retention``: list, set."""

from collections.abc import AsyncIterator

import click

from postroom.admin import retention as kept
from postroom.admin.office import Office
from postroom.admin.retention import KeptView
from postroom.cli import output
from postroom.cli.work import run

_COLUMNS = [
    ("MAILBOX", lambda one: one.mailbox),
    ("KEEPS", lambda one: _days(one.days)),
    ("SAID BY", lambda one: one.by),
]


def _days(days: int) -> str:
    return output.count(days, "day") if days else "for ever"


class Days(click.ParamType[int]):
    """A number, never, or default (-1)."""

    name = "days"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """-1 stands for ``default``, which click can't tell from nothing as None."""
        text = str(value)
        if text == "never":
            return 0
        if text == "default":
            return -1
        if text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= kept.MAX_DAYS:
            return int(text)
        return self.fail(
            f"{text!r} is no number of days, and neither never nor default", param, ctx
        )


@click.group()
def retention() -> None:
    """How long mailboxes keep their messages.

    Junk and Trash keep them as the settings say, 30 days by default, all others for ever, unless
    something else is said here or by the owner. What has a flag stays.
    """


@retention.command("list")
@click.argument("address")
@output.json_option
@click.pass_context
def list_(context: click.Context, address: str, *, as_json: bool) -> None:
    """List the mailboxes of the account ADDRESS with what they keep."""

    async def every(office: Office) -> AsyncIterator[KeptView]:
        for one in await kept.show(office, address):
            yield one

    run(
        context,
        lambda office: output.listing(
            every(office), _COLUMNS, as_json=as_json, empty=f"{address} has no mailboxes."
        ),
    )


@retention.command("set")
@click.argument("address")
@click.argument("mailbox")
@click.argument("days", type=Days())
@output.json_option
@click.pass_context
def set_(context: click.Context, address: str, mailbox: str, days: int, *, as_json: bool) -> None:
    """Let MAILBOX of the account ADDRESS keep messages for DAYS: a number, never, default.

    The time counts from when a message came into the mailbox. never: nothing is deleted.
    """
    chosen = None if days < 0 else days
    found = run(context, lambda office: kept.put(office, address, mailbox, chosen))
    output.done(
        found, f"{found.mailbox} of {address} keeps messages {_said(found)}", as_json=as_json
    )


def _said(found: KeptView) -> str:
    return f"for {_days(found.days)}" if found.days else _days(0)
