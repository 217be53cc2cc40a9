"""The API: who changed what."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import audit
from postroom.admin.audit import AuditView
from postroom.admin.paging import Slice
from postroom.web.api.call import Call
from postroom.web.api.operation import Noun, Paged

NOUN: Final = Noun("audit", "audit", "Who changed what, when, and from where.")


class Which(Paged, frozen=True, kw_only=True):
    """Which entries."""

    actor: Annotated[str, Meta(description="A user, a person or a token.")] = ""
    of: Annotated[str, Meta(description="What was named: an address, a domain, ...")] = ""
    since: Annotated[datetime | None, Meta(description="Then or later.")] = None


@NOUN.on("GET", "/audit")
async def every(call: Call, query: Which) -> Slice[AuditView]:
    """List what was changed, the newest first."""
    return await audit.page(
        call.office,
        actor=query.actor,
        of=query.of,
        since=query.since,
        after=query.after,
        size=query.limit,
    )
