"""The API: domains of others that this server is a backup MX for."""

from typing import Final

from postroom.admin import backup_domains
from postroom.admin.backup_domains import BackupView
from postroom.admin.paging import Slice
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Search

NOUN: Final = Noun(
    "backup domains", "domains", "Domains of others whose mail this server keeps for them."
)


class NewDomain(Input, frozen=True, kw_only=True):
    """A domain to keep mail for."""

    name: str


@NOUN.on("GET", "/backup-domains", within=())
async def every(call: Call, query: Search) -> Slice[BackupView]:
    """List the domains that this server is a backup MX for, by name."""
    return await backup_domains.page(
        call.office, search=query.search, after=query.after, size=query.limit
    )


@NOUN.on("POST", "/backup-domains", status=201, within=())
async def add(call: Call, body: NewDomain) -> BackupView:
    """Keep mail for a domain until its own servers, those before this one in its MX, take it."""
    return await backup_domains.add(call.office, body.name)


@NOUN.on("DELETE", "/backup-domains/{domain}", within=())
async def remove(call: Call, domain: str) -> BackupView:
    """Refuse mail for the domain from now on; what is queued still goes on."""
    return await backup_domains.remove(call.office, domain)
