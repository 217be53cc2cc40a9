"""``postroom list``: mailing lists, their members, and the posts that wait for an owner."""

import typing
from collections.abc import Callable
from typing import Any, Final

import click

from postroom.admin import held_posts, lists
from postroom.admin.lists import Changes, ListView
from postroom.admin.office import Office
from postroom.cli import output
from postroom.cli.account import Quota
from postroom.cli.acting import add_act
from postroom.cli.listed import add_list
from postroom.cli.work import run
from postroom.directory.lists import Moderation, Posting, RewriteFrom, Subscribing

_COLUMNS: Final = [
    ("LIST", lambda one: one.address),
    ("MEMBERS", lambda one: f"{one.members:,}"),
    ("POSTING", lambda one: one.posting),
    ("MODERATION", lambda one: one.moderation),
    ("NAME", lambda one: one.name),
]
_MEMBER_COLUMNS: Final = [
    ("MEMBER", lambda one: one.address),
    ("SINCE", lambda one: one.added),
    ("STATE", lambda one: "suspended" if one.suspended else "active"),
    ("BOUNCES", lambda one: str(one.bounces)),
]
_HELD_COLUMNS: Final = [
    ("ID", lambda one: one.id),
    ("SINCE", lambda one: one.since),
    ("FROM", lambda one: one.sender),
    ("SUBJECT", lambda one: one.subject),
]
_OPTIONS: Final = (
    click.option("--name", help="What the list is called."),
    click.option(
        "--posting", type=click.Choice(typing.get_args(Posting)), help="Who may post: members."
    ),
    click.option(
        "--moderation",
        type=click.Choice(typing.get_args(Moderation)),
        help="Which posts wait for an owner: none, of others than may post, all. Default: none.",
    ),
    click.option(
        "--subscribing",
        type=click.Choice(typing.get_args(Subscribing)),
        help="Whether people may join by themselves: closed.",
    ),
    click.option(
        "--rewrite-from",
        type=click.Choice(typing.get_args(RewriteFrom)),
        help="Which posts name the list in From: those that members would refuse for their"
        " author's DMARC policy, none, all. Default: dmarc.",
    ),
    click.option("--own-copy/--no-own-copy", default=None, help="Send people their own posts."),
    click.option("--max-size", type=Quota(), help="The largest post: 5M; none is any."),
    click.option("--owner", "owners", multiple=True, metavar="ADDRESS", help="Who looks after it."),
    click.option(
        "--archive", "archive", multiple=True, metavar="ADDRESS", help="Gets every post, to keep."
    ),
)


def _settings(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _changes(given: dict[str, Any]) -> Changes:
    """``owners`` and ``archive`` that were not given are not said."""
    for name in ("owners", "archive"):
        given[name] = given[name] or None
    return Changes(**given)


@click.group("list")
def mailing_list() -> None:
    """Mailing lists: one address that many people read."""


@mailing_list.command()
@click.argument("address")
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@_settings
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    /,
    address: str,
    members: tuple[str, ...],
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """Make the mailing list ADDRESS, with these members.

    Where no owner is named, the postmaster looks after it.
    """
    added = run(context, lambda office: lists.add(office, address, _changes(given), members))
    count = output.count(added.members, "member")
    output.done(added, f"mailing list {added.address} added, with {count}", as_json=as_json)
    _tell(added)


add_list(
    mailing_list,
    "List the mailing lists by domain and name.",
    lists.every,
    _COLUMNS,
    "mailing lists",
)


@mailing_list.command()
@click.argument("address")
@output.json_option
@click.pass_context
def show(context: click.Context, address: str, *, as_json: bool) -> None:
    """Show the mailing list ADDRESS."""
    found = run(context, lambda office: lists.show(office, address))
    output.thing(
        found,
        [
            ("mailing list", found.address),
            ("name", found.name or "none"),
            ("members", f"{found.members:,}"),
            ("owners", found.owners or "the postmaster"),
            ("posting", found.posting),
            ("moderation", found.moderation),
            ("subscribing", found.subscribing),
            ("rewrite from", found.rewrite_from),
            ("own copy", "yes" if found.own_copy else "no"),
            ("largest post", output.size(found.max_size) if found.max_size else "any"),
            ("archive", found.archive or "none"),
            ("added", found.created),
        ],
        as_json=as_json,
    )


@mailing_list.command("set")
@click.argument("address")
@_settings
@click.option("--no-archive", is_flag=True, help="Keep the posts nowhere.")
@output.json_option
@click.pass_context
def set_(
    context: click.Context, /, address: str, *, no_archive: bool, as_json: bool, **given: Any
) -> None:
    """Change settings of the mailing list ADDRESS; owners and archive in place of those before."""
    if no_archive and given["archive"]:
        raise click.UsageError("--archive and --no-archive: say one of them")
    changes = _changes(given)
    if no_archive:
        changes = Changes(**(given | {"archive": ()}))
    if changes == Changes():
        raise click.UsageError("nothing to set; see --help")
    changed = run(context, lambda office: lists.change(office, address, changes))
    output.done(changed, f"mailing list {changed.address} changed", as_json=as_json)
    _tell(changed)


def _tell(one: ListView) -> None:
    """What of the settings has no effect beside the others."""
    if one.moderation == "others" and one.posting == "anyone":
        click.echo(
            "note: anybody may post, so no post waits for an owner; to let those of others wait:"
            f" postroom list set {one.address} --posting members",
            err=True,
        )


@mailing_list.command()
@click.argument("address")
@click.argument("new")
@output.json_option
@click.pass_context
def rename(context: click.Context, address: str, new: str, *, as_json: bool) -> None:
    """Give the mailing list ADDRESS the address NEW."""
    renamed = run(context, lambda office: lists.rename(office, address, new))
    output.done(renamed, f"mailing list {address} is now {renamed.address}", as_json=as_json)


add_act(
    mailing_list,
    "remove",
    "ADDRESS",
    "Refuse posts to the mailing list ADDRESS from now on, and forget who was in it.",
    lists.remove,
    lambda gone: f"mailing list {gone.address} removed",
)


@mailing_list.command()
@click.argument("address")
@click.option("--add", "more", multiple=True, metavar="ADDRESS", help="One more member.")
@click.option(
    "--add-from", type=click.File(), metavar="FILE", help="More: an address a line; - is stdin."
)
@click.option("--remove", "less", multiple=True, metavar="ADDRESS", help="One member less.")
@click.option("--suspend", multiple=True, metavar="ADDRESS", help="Send them nothing more.")
@click.option("--resume", multiple=True, metavar="ADDRESS", help="Send them posts again.")
@output.list_options
@click.pass_context
def members(
    context: click.Context,
    /,
    address: str,
    search: str,
    limit: int | None,
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """List the members of the mailing list ADDRESS, or change who they are."""
    listed = list(given["add_from"] or ())
    if not (given["more"] or listed or given["less"] or given["suspend"] or given["resume"]):
        run(
            context,
            lambda office: output.listing(
                lists.members(office, address, search=search, limit=limit),
                _MEMBER_COLUMNS,
                as_json=as_json,
                empty=output.nothing("members", search),
            ),
        )
        return

    async def work(office: Office) -> ListView:
        if new := [*given["more"], *lists.people_of(listed)]:
            await lists.add_members(office, address, new)
        if given["less"]:
            await lists.remove_members(office, address, given["less"])
        for some, suspended in ((given["suspend"], True), (given["resume"], False)):
            if some:
                await lists.suspend_members(office, address, some, suspended=suspended)
        return await lists.show(office, address)

    changed = run(context, work)
    count = output.count(changed.members, "member")
    output.done(changed, f"mailing list {changed.address} has {count}", as_json=as_json)


@mailing_list.command()
@click.argument("address")
@output.json_option
@click.pass_context
def held(context: click.Context, address: str, *, as_json: bool) -> None:
    """List the posts to the mailing list ADDRESS that wait for an owner."""
    run(
        context,
        lambda office: output.listing(
            held_posts.every(office, address),
            _HELD_COLUMNS,
            as_json=as_json,
            empty="No post waits.",
        ),
    )


add_act(
    mailing_list,
    "accept",
    "ID",
    "Let the post of this ID, which waits, go to the members.",
    held_posts.accept,
    lambda post: f"post {post.id} goes to the members",
)


@mailing_list.command()
@click.argument("post", metavar="ID")
@click.option("--because", default="", metavar="TEXT", help="What its author is told besides.")
@output.json_option
@click.pass_context
def reject(context: click.Context, post: str, because: str, *, as_json: bool) -> None:
    """Turn the post of this ID away, and tell its author where that is no stranger."""
    found = run(context, lambda office: held_posts.reject(office, post, because))
    output.done(found, f"post {found.id} is turned away", as_json=as_json)
