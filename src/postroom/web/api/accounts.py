"""The API: accounts, their addresses, where their mail goes on to, whose name they send in."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from postroom.admin import accounts, activity, credentials, forwards, roles, sending
from postroom.admin.accounts import AccountDetails, AccountView, Removal, Restoration
from postroom.admin.activity import LoginView
from postroom.admin.audit import AuditView
from postroom.admin.forwards import ForwardView
from postroom.admin.paging import Slice
from postroom.admin.roles import RoleView
from postroom.admin.sending import Released, SendAsView
from postroom.directory.administrators import Role
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged, Search

NOUN: Final = Noun("accounts", "accounts", "People: mailboxes, quotas, addresses.")

Octets = Annotated[int, Meta(ge=0, le=1 << 53, description="Octets; 0 for no limit.")]

Messages = Annotated[int, Meta(ge=0, le=1 << 53, description="Messages; 0 for no limit.")]


class NewAccount(Input, frozen=True, kw_only=True):
    """A mailbox to open."""

    address: str
    password: Annotated[
        str | None, Meta(description="Without one a password is made, and answered once.")
    ] = None
    name: str = ""
    quota: Octets = 0
    message_quota: Messages = 0
    admin: Annotated[bool, Meta(description="Needs a token with the scope admin.")] = False


class Opened(AccountView, frozen=True):
    """A new account; ``password`` when it was made here: it is not shown again."""

    password: str
    warning: Annotated[
        str, Meta(description="Why a password that was sent would be guessed; it is taken.")
    ] = ""


class AccountChanges(Input, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    name: str | None = None
    admin: Annotated[bool | None, Meta(description="Needs a token with the scope admin.")] = None
    quota: Octets | None = None
    message_quota: Messages | None = None
    disabled: bool | None = None
    send_limit: Annotated[int, Meta(ge=0)] | Literal["default"] | None = None


class NewMain(Input, frozen=True, kw_only=True):
    """The main address from now on."""

    new: str
    keep_old: Annotated[bool, Meta(description="The old one stays as a further one.")] = False


class Further(Input, frozen=True, kw_only=True):
    """A further address."""

    address: str


class NewForward(Input, frozen=True, kw_only=True):
    """Where mail goes on to."""

    to: tuple[str, ...] = ()
    keep: Annotated[bool | None, Meta(description="Keep a copy. New ones do.")] = None


class NewRole(Input, frozen=True, kw_only=True):
    """What an account may do; ``domains`` are those of an admin."""

    role: Role
    domains: tuple[str, ...] = ()


class Granted(Input, frozen=True, kw_only=True):
    """An address, or ``@domain`` for all of a domain."""

    what: str


@NOUN.on("GET", "/accounts", narrows=True)
async def every(call: Call, query: Search) -> Slice[AccountView]:
    """List accounts by domain and name."""
    return await accounts.page(
        call.office,
        search=query.search,
        after=query.after,
        size=query.limit,
        within=call.within,
    )


@NOUN.on("POST", "/accounts", status=201, within=["body.address"])
async def add(call: Call, body: NewAccount) -> Opened:
    """Open a mailbox."""
    if body.admin:
        call.require("admin")
    password = body.password or credentials.random_password()
    opened = await accounts.add(
        call.office,
        body.address,
        password=password,
        name=body.name,
        quota=body.quota,
        message_quota=body.message_quota,
        admin=body.admin,
    )
    told = "" if body.password else password
    warning = credentials.weakness(body.address, password, body.name)
    return Opened(**msgspec.structs.asdict(opened), password=told, warning=warning)


@NOUN.on("GET", "/accounts/{address}")
async def show(call: Call, address: str) -> AccountDetails:
    """Show an account with all that belongs to it."""
    return _seen(call, await accounts.show(call.office, address))


@NOUN.on("PATCH", "/accounts/{address}")
async def change(call: Call, address: str, body: AccountChanges) -> AccountView:
    """Set name, quota, limit; disable or enable."""
    if body.admin is not None:
        call.require("admin")
    return await accounts.change(call.office, address, **msgspec.structs.asdict(body))


@NOUN.on("DELETE", "/accounts/{address}")
async def remove(call: Call, address: str) -> Removal:
    """Close an account; it and its mail can be restored for 30 days."""
    found = await accounts.remove(call.office, address)
    return accounts.narrowed(found, {call.token.domain}) if call.token.domain else found


@NOUN.on("POST", "/accounts/{address}/restore")
async def restore(call: Call, address: str) -> Restoration:
    """Bring back the account of this address that was removed last."""
    return await accounts.restore(call.office, address)


@NOUN.on("POST", "/accounts/{address}/rename", within=["address", "body.new"])
async def rename(call: Call, address: str, body: NewMain) -> AccountView:
    """Give an account another main address."""
    return await accounts.rename(call.office, address, body.new, keep_old=body.keep_old)


@NOUN.on("POST", "/accounts/{address}/addresses", within=["address", "body.address"])
async def add_address(call: Call, address: str, body: Further) -> AccountDetails:
    """Let an account receive and send under one more address."""
    return _seen(call, await accounts.add_address(call.office, address, body.address))


@NOUN.on("DELETE", "/accounts/{address}/addresses/{further}")
async def remove_address(call: Call, address: str, further: str) -> AccountDetails:
    """Take a further address away."""
    return _seen(call, await accounts.remove_address(call.office, address, further))


@NOUN.on("GET", "/accounts/{address}/logins")
async def logins(call: Call, address: str, query: Paged) -> Slice[LoginView]:
    """List who logged in and who tried to, the latest first; what is alike of a day is one."""
    return await activity.logins(call.office, address, after=query.after, size=query.limit)


@NOUN.on("GET", "/accounts/{address}/changes", scope="audit:read")
async def changes(call: Call, address: str, query: Paged) -> Slice[AuditView]:
    """List what was done to an account, and by its owner, the latest first.

    For a token that is limited to a domain or an account: to it only.
    """
    is_limited = call.token.domain is not None or call.token.account_id is not None
    return await activity.changes(
        call.office, address, deeds=not is_limited, after=query.after, size=query.limit
    )


@NOUN.on("GET", "/accounts/{address}/role")
async def role(call: Call, address: str) -> RoleView:
    """Tell whether an account administers everything, some domains, or nothing."""
    return await roles.show(call.office, address)


@NOUN.on("PUT", "/accounts/{address}/role", scope="admin")
async def set_role(call: Call, address: str, body: NewRole) -> RoleView:
    """Let an account administer everything, some domains, or nothing."""
    return await roles.assign(call.office, address, body.role, body.domains)


@NOUN.on("GET", "/accounts/{address}/forward")
async def forward(call: Call, address: str) -> ForwardView:
    """Tell where the mail of an account goes on to."""
    return await forwards.show(call.office, address)


@NOUN.on("PUT", "/accounts/{address}/forward")
async def set_forward(call: Call, address: str, body: NewForward) -> ForwardView:
    """Forward to these addresses, in place of those before."""
    return await forwards.change(call.office, address, to=body.to, keep=body.keep)


@NOUN.on("DELETE", "/accounts/{address}/forward")
async def end_forward(call: Call, address: str) -> ForwardView:
    """Let the mail of an account stay there."""
    return await forwards.end(call.office, address)


@NOUN.on("GET", "/accounts/{address}/send-as")
async def send_as(call: Call, address: str) -> SendAsView:
    """Tell what an account may send as besides its addresses."""
    return await sending.show(call.office, address)


@NOUN.on("POST", "/accounts/{address}/send-as", within=["address", "body.what"])
async def grant(call: Call, address: str, body: Granted) -> SendAsView:
    """Let an account send as an address or a domain."""
    return await sending.grant(call.office, address, body.what)


@NOUN.on("DELETE", "/accounts/{address}/send-as/{what}")
async def revoke(call: Call, address: str, what: str) -> SendAsView:
    """Let it no longer."""
    return await sending.revoke(call.office, address, what)


@NOUN.on("POST", "/accounts/{address}/release")
async def release(call: Call, address: str) -> Released:
    """Begin to count anew what an account sends, after its limit stopped it."""
    return await sending.release(call.office, address)


def _seen(call: Call, found: AccountDetails) -> AccountDetails:
    """As a token that is limited to a domain may see it."""
    return accounts.narrowed(found, {call.token.domain}) if call.token.domain else found
