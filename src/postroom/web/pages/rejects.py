"""What people refused, for their postmaster: why, from whom; let in after all, or removed."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.mailboxes import refused, rejects
from postroom.store.rejects import SEARCHED
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import THEIRS, Named, Router

HERE: Final = "/admin/rejects"
ONE: Final = f"{HERE}/{{address:address}}/{{ident}}"
_SEEN: Final = Named("account", "path", "address")
_CHANGED: Final = Named("account", "path", "address", is_changed=True)


def routes(desk: Desk) -> list[Route]:
    """The list, one of them, and what is done with it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        sought, after = request.query_params.get("q", ""), request.query_params.get("after", "")
        page = await refused.page(office, sought, within=visitor.within, after=after)
        return renderer.page(
            "rejects.html", visitor=visitor, here=HERE, page=page, sought=sought,
            searched=SEARCHED,
        )  # fmt: skip

    async def show(request: Request, visitor: Visitor) -> Response:
        address, ident = request.path_params["address"], request.path_params["ident"]
        found = await refused.show(office, address, ident)
        return renderer.page(
            "reject.html", visitor=visitor, here=HERE, found=found, account=address
        )

    async def act(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        address, chosen = request.path_params["address"], [request.path_params["ident"]]
        if "release" in fields:
            await rejects.release(office, address, chosen, anyway="anyway" in fields)
        else:
            await rejects.remove(office, address, chosen)
        return HERE

    return [
        router.show(HERE, every, for_admins=True, of=THEIRS),
        router.show(ONE, show, for_admins=True, of=[_SEEN]),
        router.do(ONE, act, for_admins=True, of=[_CHANGED]),
    ]
