"""The API: everything that is set up here, as one document, both ways."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin.apply import applying, inventory
from postroom.admin.apply.applying import Applied
from postroom.admin.apply.items import Manifest
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("directory", "admin", "Everything that is set up here, as one document.")


class How(Input, frozen=True, kw_only=True):
    """How far it goes."""

    dry: Annotated[bool, Meta(description="Only tell what would be done.")] = False
    prune: Annotated[bool, Meta(description="Remove what the document does not name.")] = False


@NOUN.on("GET", "/directory", scope="admin")
async def export(call: Call) -> Manifest:
    """Tell domains, people, aliases, relays, rules and shares, without secrets."""
    return await inventory.current(call.office)


@NOUN.on("POST", "/directory", scope="admin")
async def apply(call: Call, query: How, body: Manifest) -> Applied:
    """Make it as the document says, step by step; what it leaves out stays as it is."""
    return await applying.apply(call.office, body, prune=query.prune, dry=query.dry)
