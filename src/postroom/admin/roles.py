"""Roles: who administers everything, who single domains, who only their own account."""

from collections.abc import Sequence

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, administrators, domains
from postroom.directory.administrators import MAX_DOMAINS, Role
from postroom.errors import Invalid


class RoleView(msgspec.Struct, frozen=True):
    """What an account may administer. ``domains``: A-labels, of an admin only."""

    address: str
    role: Role
    domains: tuple[str, ...]


async def show(office: Office, address: str) -> RoleView:
    """The role of an account."""
    name = names.address(address)
    return await office.directory.look(lambda tx: _view(tx, accounts.require(tx, name)))


@recorded("account.role", "address", "role", "of_domains")
async def assign(
    office: Office, address: str, role: Role, of_domains: Sequence[str] = ()
) -> RoleView:
    """Give an account another role; an admin needs domains, the others have none."""
    name = names.address(address)
    wanted = [names.domain(one) for one in dict.fromkeys(of_domains)]
    if (role == "admin") != bool(wanted):
        raise Invalid(
            "an admin administers domains: name them, as in"
            f" postroom account role {name} admin --domain {name.domain}"
            if role == "admin"
            else f"domains are for the role admin; a role {role} has none"
        )
    if len(wanted) > MAX_DOMAINS:
        raise Invalid(f"an admin has at most {MAX_DOMAINS:,} domains; make this one an owner")

    def write(tx: Tx) -> RoleView:
        account = accounts.require(tx, name)
        owned = [domains.require(tx, domain) for domain in wanted]
        for one in owned:
            if one.alias_of:
                raise Invalid(f"{one.name} is an alias of {one.alias_of}; name that one")
        accounts.change(tx, account, is_admin=role == "owner")
        administrators.assign(tx, account.id, [one.id for one in owned])
        return _view(tx, account)

    return await office.directory.change(write)


async def domains_of(office: Office, within: int) -> tuple[str, ...]:
    """The A-labels of all domains of an administrator, those that are aliases as well."""
    return tuple(sorted(await office.directory.look(lambda tx: administrators.reach(tx, within))))


def _view(tx: Tx, account: accounts.Account) -> RoleView:
    found = administrators.of(tx, account.id)
    return RoleView(str(account.address), found.role, found.domains)
