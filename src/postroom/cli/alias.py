"""``postroom alias``: add, list, show, set, rename, remove."""

import typing

import click

from postroom.admin import aliases
from postroom.admin.aliases import AliasDetails
from postroom.cli import output
from postroom.cli.acting import add_act
from postroom.cli.listed import add_list
from postroom.cli.work import run
from postroom.directory.expand import Writers

_SHOWN = 5  # targets in a list; all stand in `show` and in JSON

_COLUMNS = [
    ("ALIAS", lambda one: one.address),
    ("TARGETS", lambda one: _short(one.targets)),
    ("MEMBERS", lambda one: "hidden" if one.hidden else "shown"),
    ("WRITERS", lambda one: one.writers),
]


_writers_option = click.option(
    "--writers",
    type=click.Choice(typing.get_args(Writers)),
    help="Who may write to it: anyone, who has logged in here, its members.",
)


@click.group()
def alias() -> None:
    """Addresses that stand for others."""


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--hidden", is_flag=True, help="Don't tell the members to anyone who asks.")
@_writers_option
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    address: str,
    targets: tuple[str, ...],
    *,
    hidden: bool,
    writers: Writers | None,
    as_json: bool,
) -> None:
    """Deliver mail for ADDRESS to each TARGET, here or elsewhere.

    A * in the name of ADDRESS is any characters: sales-*@example.org is every address like it
    that nobody has.
    """
    added = run(
        context,
        lambda office: aliases.add(
            office, address, targets, hidden=hidden, writers=writers or "anyone"
        ),
    )
    output.done(added, f"alias {added.address} added", as_json=as_json)
    _warn(added)


add_list(alias, "List the aliases by domain and name.", aliases.every, _COLUMNS, "aliases")


@alias.command()
@click.argument("address")
@output.json_option
@click.pass_context
def show(context: click.Context, address: str, *, as_json: bool) -> None:
    """Show the alias ADDRESS and what its targets are."""
    found = run(context, lambda office: aliases.show(office, address))
    output.thing(
        found,
        [
            ("alias", found.address),
            ("targets", [f"{target.address}  ({target.kind})" for target in found.targets]),
            ("members", "hidden" if found.hidden else "shown"),
            ("writers", found.writers),
            ("added", found.created),
        ],
        as_json=as_json,
    )


@alias.command("set")
@click.argument("address")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--add", "more", multiple=True, metavar="TARGET", help="One more target.")
@click.option("--remove", "less", multiple=True, metavar="TARGET", help="One target less.")
@click.option("--hidden/--shown", "hidden", default=None, help="Tell the members or not.")
@_writers_option
@output.json_option
@click.pass_context
def set_(  # noqa: PLR0913
    context: click.Context,
    address: str,
    targets: tuple[str, ...],
    more: tuple[str, ...],
    less: tuple[str, ...],
    *,
    hidden: bool | None,
    writers: Writers | None,
    as_json: bool,
) -> None:
    """Replace the targets of the alias ADDRESS, or add and remove some."""
    if not targets and not more and not less and hidden is None and not writers:
        raise click.UsageError("nothing to set; see --help")
    changed = run(
        context,
        lambda office: aliases.change(
            office,
            address,
            targets=targets or None,
            add_targets=more,
            remove_targets=less,
            hidden=hidden,
            writers=writers,
        ),
    )
    output.done(changed, f"alias {changed.address} changed", as_json=as_json)
    _warn(changed)


@alias.command()
@click.argument("address")
@click.argument("new")
@output.json_option
@click.pass_context
def rename(context: click.Context, address: str, new: str, *, as_json: bool) -> None:
    """Give the alias ADDRESS the address NEW."""
    renamed = run(context, lambda office: aliases.rename(office, address, new))
    output.done(renamed, f"alias {address} is now {renamed.address}", as_json=as_json)


add_act(
    alias,
    "remove",
    "ADDRESS",
    "Refuse mail for the alias ADDRESS from now on.",
    aliases.remove,
    lambda gone: f"alias {gone.address} removed",
)


def _short(targets: tuple[str, ...]) -> str:
    more = len(targets) - _SHOWN
    return ", ".join(targets[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _warn(details: AliasDetails) -> None:
    if details.unknown:
        output.note(f"{details.unknown[0]} does not receive mail (yet); see: postroom alias show")
