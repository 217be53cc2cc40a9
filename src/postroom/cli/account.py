"""``postroom account``: mailboxes, passwords, addresses, quotas and limits."""

import re
from decimal import Decimal
from typing import Final, Literal

import click
import msgspec

from postroom.admin import accounts, client_settings, retention
from postroom.admin.accounts import AccountDetails, AccountView
from postroom.admin.office import Office
from postroom.admin.retention import KeptView
from postroom.cli import output
from postroom.cli.acting import add_act
from postroom.cli.activity import activity
from postroom.cli.browser import passkey, session
from postroom.cli.password import app_password, ask, password, password_stdin
from postroom.cli.role import role
from postroom.cli.senders import allow, block
from postroom.cli.sending import SendLimit, forward, release, send_as
from postroom.cli.totp import totp
from postroom.cli.work import run, settings as work_settings
from postroom.quota import MAX_OCTETS

_QUOTA: Final = re.compile(
    r"(\d{1,19}(?:\.\d{1,9})?)\s*([KMGTP]?)(?:i?B)?", re.IGNORECASE | re.ASCII
)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}

_COLUMNS = [
    ("ADDRESS", lambda one: one.address),
    ("NAME", lambda one: one.name),
    ("STATE", lambda one: one.state),
    ("ROLE", lambda one: "" if one.role == "person" else one.role),
    ("QUOTA", lambda one: _limits(one)),  # noqa: PLW0108 - it stands below
]
_LOGIN_WITH: Final = "that of the account, or one for the device: postroom account app-password"
_SERVICE_COLUMNS = [
    ("PROTOCOL", lambda one: one.protocol.upper()),
    ("PORT", lambda one: one.port),
    ("TLS", lambda one: "at once" if one.encryption == "implicit" else "STARTTLS"),
]
_REMOVED_COLUMNS = [
    ("ADDRESS", lambda one: one.address),
    ("NAME", lambda one: one.name),
    ("KEPT UNTIL", lambda one: one.kept_until),
]


class Quota(click.ParamType[int]):
    """``10G``, ``500M``, a number of octets, or ``none``."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read it, in octets; 0 is none."""
        if isinstance(value, int):
            return value
        word = str(value).strip()
        if word.lower() == "none":
            return 0
        match = _QUOTA.fullmatch(word)
        if match is None:
            self.fail(f"{word!r} is no size; write 500M, 10G or none", param, ctx)
        octets = int(Decimal(match[1]) * 1024 ** _POWERS[match[2].upper()])
        if octets >= MAX_OCTETS:
            self.fail(f"{word!r} is more than there is; write none for no limit", param, ctx)
        return octets


class Count(click.ParamType[int]):
    """A number of ``what``, or ``none``."""

    name = "n"

    def __init__(self, what: str) -> None:
        self._what = what

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read it; 0 is none."""
        word = str(value).strip()
        if word.lower() == "none":
            return 0
        if not (word.isascii() and word.isdecimal()):
            self.fail(f"{word!r} is no number of {self._what}; write 100 or none", param, ctx)
        return int(word[:20])


@click.group()
def account() -> None:
    """Mailboxes, passwords, addresses and quotas."""


@account.command()
@click.argument("address")
@click.option("--name", default="", help="The full name.")
@password_stdin
@click.option("--quota", type=Quota(), default=0, help="The most it may hold: 10G. Default: none.")
@click.option(
    "--messages",
    "message_quota",
    type=Count("messages"),
    default=0,
    help="The most messages it may hold. Default: any number.",
)
@click.option(
    "--no-password",
    is_flag=True,
    help="Only app passwords log in, and whom [ldap] knows.",
)
@click.option(
    "--admin",
    is_flag=True,
    help="May administer everything (an owner); gets the mail of postmaster.",
)
@output.json_option
@click.pass_context
def add(  # noqa: PLR0913
    context: click.Context,
    address: str,
    name: str,
    quota: int,
    message_quota: int,
    *,
    password_stdin: bool,
    no_password: bool,
    admin: bool,
    as_json: bool,
) -> None:
    """Open a mailbox for ADDRESS.

    On a terminal the password is asked for; elsewhere, without --password-stdin, one is
    made up and printed once.
    """
    chosen, is_made_up = (None, False) if no_password else ask(address, from_stdin=password_stdin)
    added = run(
        context,
        lambda office: accounts.add(
            office,
            address,
            password=chosen,
            name=name,
            quota=quota,
            message_quota=message_quota,
            admin=admin,
        ),
    )
    if as_json:
        shown = msgspec.structs.asdict(added) | ({"password": chosen} if is_made_up else {})
        click.echo(output.encode(shown))
        return
    click.echo(f"account {added.address} added")
    if is_made_up:
        click.echo(f"password: {chosen}")


@account.command("list")
@click.option("--removed", is_flag=True, help="Those that can be restored.")
@output.list_options
@click.pass_context
def list_(
    context: click.Context, search: str, limit: int | None, *, removed: bool, as_json: bool
) -> None:
    """List the accounts by domain and name."""
    run(
        context,
        lambda office: output.listing(
            accounts.every(office, search=search, limit=limit, removed=removed),
            _REMOVED_COLUMNS if removed else _COLUMNS,
            as_json=as_json,
            empty=output.nothing("removed accounts" if removed else "accounts", search),
        ),
    )


@account.command()
@click.argument("address")
@output.json_option
@click.pass_context
def show(context: click.Context, address: str, *, as_json: bool) -> None:
    """Show the account ADDRESS and all that belongs to it."""

    async def work(office: Office) -> tuple[AccountDetails, tuple[KeptView, ...]]:
        return await accounts.show(office, address), await retention.show(office, address)

    found, kept = run(context, work)
    output.thing(
        found,
        [
            ("account", found.address),
            ("name", found.name),
            ("also receives as", found.addresses),
            ("named by", found.named_by),
            ("state", found.state),
            ("role", found.role),
            ("administers", found.administers),
            ("quota", _limits(found)),
            ("used", _used(found)),
            ("forwards to", found.forwards),
            ("keeps a copy", found.keeps_copy if found.forwards else None),
            ("may send as", found.send_as),
            ("sent in 24 hours", _sent(found)),
            ("password", "set" if found.has_password else "none: can't log in"),
            (
                "app passwords",
                [f"{one.label} ({','.join(one.scopes)})" for one in found.app_passwords],
            ),
            ("second factor", "in force" if found.second_factor else "none"),
            ("passkeys", found.passkeys or None),
            (
                "keeps",
                [f"{one.mailbox}: {output.count(one.days, 'day')}" for one in kept if one.days],
            ),
            ("last login", found.last_login or "never"),
            ("added", found.created),
        ],
        as_json=as_json,
    )


@account.command("set")
@click.argument("address")
@click.option("--name", help="The full name.")
@click.option(
    "--admin/--no-admin", "admin", default=None, help="May administer everything (an owner) or not."
)
@click.option(
    "--send-limit",
    type=SendLimit(),
    metavar="N",
    help="Recipients it may write to in 24 hours: a number, none, default.",
)
@output.json_option
@click.pass_context
def set_(
    context: click.Context,
    address: str,
    name: str | None,
    send_limit: int | Literal["default"] | None,
    *,
    admin: bool | None,
    as_json: bool,
) -> None:
    """Change the name, the rights or the limit of the account ADDRESS."""
    if name is None and admin is None and send_limit is None:
        raise click.UsageError("nothing to set; see --help")
    changed = run(
        context,
        lambda office: accounts.change(
            office, address, name=name, admin=admin, send_limit=send_limit
        ),
    )
    output.done(changed, f"account {changed.address} changed", as_json=as_json)


@account.command()
@click.argument("address")
@click.argument("size", type=Quota(), required=False)
@click.option(
    "--messages",
    "message_quota",
    type=Count("messages"),
    help="The most messages it may hold: a number, or none.",
)
@output.json_option
@click.pass_context
def quota(
    context: click.Context,
    address: str,
    size: int | None,
    message_quota: int | None,
    *,
    as_json: bool,
) -> None:
    """Set the quota of the account ADDRESS to SIZE (10G, none), or print it.

    Both limits may be set; what is not named stays as it is.
    """

    async def work(office: Office) -> AccountDetails:
        if size is not None or message_quota is not None:
            await accounts.change(office, address, quota=size, message_quota=message_quota)
        return await accounts.show(office, address)

    found = run(context, work)
    output.done(
        {
            "address": found.address,
            "quota": found.quota,
            "used": found.used,
            "message_quota": found.message_quota,
            "messages": found.messages,
        },
        f"quota of {found.address}: {_limits(found)}, used: {_used(found)}",
        as_json=as_json,
    )


@account.command()
@click.argument("address")
@click.argument("new")
@click.option("--keep-old", is_flag=True, help="Go on receiving as ADDRESS too.")
@output.json_option
@click.pass_context
def rename(
    context: click.Context, address: str, new: str, *, keep_old: bool, as_json: bool
) -> None:
    """Give the account ADDRESS the main address NEW; its mail stays."""
    renamed = run(context, lambda office: accounts.rename(office, address, new, keep_old=keep_old))
    output.done(renamed, f"account {address} is now {renamed.address}", as_json=as_json)


@account.command()
@click.argument("address")
@output.json_option
@click.pass_context
def settings(context: click.Context, address: str, *, as_json: bool) -> None:
    """Show what a mail program must know to read and send as ADDRESS."""
    found = run(context, lambda office: client_settings.require(office, address))
    if as_json:
        click.echo(output.encode(found))
        return
    output.details([("server", found.hostname), ("user name", address), ("password", _LOGIN_WITH)])
    output.table(found.services, _SERVICE_COLUMNS)
    if address_here := client_settings.only_here(work_settings(context)):
        output.note(f"only this machine reaches the server: name it {address_here} in the program")


add_act(
    account,
    "disable",
    "ADDRESS",
    "Stop mail to and logins of the account ADDRESS.",
    lambda office, address: accounts.change(office, address, disabled=True),
    lambda one: f"account {one.address} disabled",
)
add_act(
    account,
    "enable",
    "ADDRESS",
    "Undo `disable`.",
    lambda office, address: accounts.change(office, address, disabled=False),
    lambda one: f"account {one.address} enabled",
)


@account.command()
@click.argument("address")
@output.json_option
@click.pass_context
def remove(context: click.Context, address: str, *, as_json: bool) -> None:
    """Close the account ADDRESS; for 30 days it can be restored with its mail."""
    removed = run(context, lambda office: accounts.remove(office, address))
    output.done(
        removed,
        f"account {removed.address} removed; until {output.text(removed.kept_until)}"
        f" it can be brought back: postroom account restore {removed.address}",
        as_json=as_json,
    )
    if removed.named_by:
        output.note(f"still named by {', '.join(removed.named_by)}")


@account.command()
@click.argument("address")
@output.json_option
@click.pass_context
def restore(context: click.Context, address: str, *, as_json: bool) -> None:
    """Bring back the removed account ADDRESS with its mail."""
    restored = run(context, lambda office: accounts.restore(office, address))
    output.done(restored, f"account {restored.address} restored", as_json=as_json)
    if restored.lost:
        output.note(f"taken by others meanwhile: {', '.join(restored.lost)}")


@account.group()
def address() -> None:
    """Further addresses of an account."""


@address.command("add")
@click.argument("owner", metavar="ACCOUNT")
@click.argument("further", metavar="ADDRESS")
@output.json_option
@click.pass_context
def add_address(context: click.Context, owner: str, further: str, *, as_json: bool) -> None:
    """Let ACCOUNT receive and send as ADDRESS too."""
    found = run(context, lambda office: accounts.add_address(office, owner, further))
    output.done(found, f"{found.address} also receives as {further}", as_json=as_json)


@address.command("remove")
@click.argument("owner", metavar="ACCOUNT")
@click.argument("further", metavar="ADDRESS")
@output.json_option
@click.pass_context
def remove_address(context: click.Context, owner: str, further: str, *, as_json: bool) -> None:
    """Take ADDRESS away from ACCOUNT."""
    found = run(context, lambda office: accounts.remove_address(office, owner, further))
    output.done(found, f"{found.address} no longer receives as {further}", as_json=as_json)


def _limits(found: AccountView) -> str:
    limits = [output.size(found.quota)] if found.quota else []
    if found.message_quota:
        limits.append(output.count(found.message_quota, "message"))
    return ", ".join(limits) or "none"


def _used(found: AccountDetails) -> str:
    return f"{output.size(found.used)} in {output.count(found.messages, 'message')}"


def _sent(found: AccountDetails) -> str:
    words = [f"to {output.count(found.sent, 'recipient')}"]
    if found.send_limit is not None:
        words.append(f"of {found.send_limit}" if found.send_limit else "of any number")
    if found.sending_stopped:
        words.append("(stopped)")
    return " ".join(words)


account.add_command(password)
account.add_command(app_password)
account.add_command(role)
account.add_command(totp)
account.add_command(passkey)
account.add_command(session)
account.add_command(activity)
account.add_command(forward)
account.add_command(send_as)
account.add_command(release)
account.add_command(block)
account.add_command(allow)
