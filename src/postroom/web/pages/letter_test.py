"""A test message: in, and out to an address that is named."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import letter_test
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

SECONDS: Final = 20.0  # that a browser waits; the rest is in the trace


def routes(desk: Desk) -> list[Route]:
    """The form, and what came of it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        return renderer.page(
            "letter_test.html", visitor=visitor, here="/admin/test-letter", done=(),
            account=visitor.identity.address,
        )  # fmt: skip

    async def send(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        mine = await letter_test.recipient(office, visitor.identity.address)
        done = [await letter_test.come_in(office, mine)]
        if to := fields.get("to", "").strip():
            done.append(await letter_test.go_out(office, mine, to, seconds=SECONDS))
        return renderer.page(
            "letter_test.html", visitor=visitor, here="/admin/test-letter", done=done, account=mine
        )

    return [
        router.show("/admin/test-letter", show, for_admins=True),
        router.do("/admin/test-letter", send, for_admins=True),
    ]
