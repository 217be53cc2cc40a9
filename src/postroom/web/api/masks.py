"""The API: masked addresses."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import masks
from postroom.admin.masks import MaskView
from postroom.admin.paging import Slice
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged

NOUN: Final = Noun("masks", "accounts", "Addresses that hide the one behind them.")


class NewMask(Input, frozen=True, kw_only=True):
    """Whom it is for."""

    label: Annotated[str, Meta(max_length=200)] = ""


class MaskChanges(Input, frozen=True, kw_only=True):
    """What is left out stays."""

    label: str | None = None
    is_on: Annotated[bool | None, Meta(description="Off: mail to it is refused.")] = None


@NOUN.on("GET", "/accounts/{address}/masks")
async def every(call: Call, address: str, query: Paged) -> Slice[MaskView]:
    """List the masked addresses of an account, the newest first."""
    return await masks.page(call.office, address, after=query.after, size=query.limit)


@NOUN.on("POST", "/accounts/{address}/masks", status=201)
async def add(call: Call, address: str, body: NewMask) -> MaskView:
    """Make a masked address of an account."""
    return await masks.add(call.office, address, label=body.label)


@NOUN.on("PATCH", "/masks/{address}")
async def change(call: Call, address: str, body: MaskChanges) -> MaskView:
    """Give a masked address another label, or switch it."""
    return await masks.change(call.office, address, label=body.label, is_on=body.is_on)


@NOUN.on("DELETE", "/masks/{address}")
async def remove(call: Call, address: str) -> MaskView:
    """End a masked address for good."""
    return await masks.remove(call.office, address)
