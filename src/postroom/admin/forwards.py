"""Forwards of accounts: show, set, end."""

from collections.abc import Sequence

import msgspec

from postroom.admin import names
from postroom.admin.credentials import is_holding
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, forwards, verify
from postroom.directory.accounts import Account
from postroom.directory.forwards import Forward
from postroom.errors import Invalid, NotFound


class ForwardView(msgspec.Struct, frozen=True):
    """Where the mail of an account goes on to; ``to`` is empty when it stays."""

    account: str
    to: tuple[str, ...]
    keeps_copy: bool
    unknown: tuple[str, ...]
    """Addresses here that do not receive now."""


async def show(office: Office, account: str) -> ForwardView:
    """Where the mail of an account goes on to."""
    name = names.address(account)
    return await office.directory.look(lambda tx: _view(tx, accounts.require(tx, name)))


@recorded("forward.set", "account", "to", "keep")
async def change(
    office: Office, account: str, *, to: Sequence[str] = (), keep: bool | None = None
) -> ForwardView:
    """Forward to these addresses, in place of those before, or keep a copy or none.

    A new forward keeps a copy unless it is told not to.
    """
    name = names.address(account)
    targets = tuple(dict.fromkeys(names.address(text) for text in to))
    alias_id, now = office.ids.next(), office.now()
    if not targets and keep is None:
        raise Invalid("there is nothing to change; name an address, or keep a copy or none")

    def write(tx: Tx) -> ForwardView:
        found = accounts.require(tx, name)
        if found.kind == "holding":
            raise is_holding(found)
        before = forwards.of(tx, found.id)
        if targets:
            keeps = keep if keep is not None else before is None or before.keeps
            forwards.put(tx, found, alias_id, Forward(targets, keeps), now)
        elif before is None:
            raise NotFound(
                f"{found.address} forwards to nobody; run: postroom account forward"
                f" {found.address} --to ADDRESS"
            )
        else:
            forwards.set_keeps(tx, found.id, keeps=bool(keep))
        return _view(tx, found)

    return await office.directory.change(write)


@recorded("forward.end", "account")
async def end(office: Office, account: str) -> ForwardView:
    """Let the mail of an account stay there from now on."""
    name = names.address(account)

    def write(tx: Tx) -> ForwardView:
        found = accounts.require(tx, name)
        forwards.remove(tx, found.id)
        return _view(tx, found)

    return await office.directory.change(write)


def _view(tx: Tx, account: Account) -> ForwardView:
    found = forwards.of(tx, account.id) or Forward((), keeps=True)
    kinds = {str(target): verify.verify(tx, target).kind for target in found.targets}
    return ForwardView(
        account=str(account.address),
        to=tuple(kinds),
        keeps_copy=found.keeps,
        unknown=tuple(target for target, kind in kinds.items() if kind == "unknown"),
    )
