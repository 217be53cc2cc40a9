"""The API: tokens. Whoever may make tokens may do everything: the scope is ``admin``."""

from datetime import datetime
from typing import Final

from postroom.admin import api_tokens
from postroom.admin.api_tokens import NewToken, TokenView
from postroom.admin.paging import Slice
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged

NOUN: Final = Noun("tokens", "admin", "What programs show to use the API.")


class Wish(Input, frozen=True, kw_only=True):
    """A token to make; limited to a domain or an account if one is named."""

    name: str
    scopes: tuple[str, ...]
    domain: str | None = None
    account: str | None = None
    expires: datetime | None = None


@NOUN.on("GET", "/tokens", scope="admin")
async def every(call: Call, query: Paged) -> Slice[TokenView]:
    """List tokens by name, without what opens doors."""
    return await api_tokens.page(call.office, after=query.after, size=query.limit)


@NOUN.on("POST", "/tokens", scope="admin", status=201)
async def add(call: Call, body: Wish) -> NewToken:
    """Make a token; it is shown this once."""
    return await api_tokens.add(
        call.office,
        body.name,
        body.scopes,
        domain=body.domain,
        account=body.account,
        expires=body.expires,
    )


@NOUN.on("DELETE", "/tokens/{name}", scope="admin")
async def remove(call: Call, name: str) -> TokenView:
    """Take a token back; it opens nothing from now on."""
    return await api_tokens.remove(call.office, name)
