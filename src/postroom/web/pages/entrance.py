"""The login form at ``/``, which works without JavaScript, and the way out."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from postroom.access.login import LoginDelayed, LoginRefused
from postroom.web.desk import Desk, Forbidden, TooLarge, Visitor, form
from postroom.web.routing import Router


def routes(desk: Desk) -> list[Route]:
    """Login and logout."""

    async def entrance(request: Request) -> Response:
        visitor = await desk.visitor(request)
        if visitor is not None:
            return RedirectResponse("/admin" if visitor.is_admin else "/me", 303)
        return _form("")

    async def log_in(request: Request) -> Response:
        try:
            fields = await form(request, None)
            return await desk.log_in(request, fields.get("address", ""), fields.get("password", ""))
        except LoginRefused:
            return _form("That address and password do not belong together.", 403)
        except LoginDelayed:
            return _form("Too many attempts: wait a minute and try again.", 429)
        except Forbidden as error:
            return _form(str(error), 403)
        except TooLarge:
            return _form("The form is too large.", 413)

    async def log_out(_request: Request, visitor: Visitor, _fields: Mapping[str, str]) -> Response:
        return await desk.log_out(visitor)

    def _form(problem: str, status: int = 200) -> Response:
        return desk.renderer.page("login.html", status=status, visitor=None, problem=problem)

    return [
        Route("/", entrance, methods=["GET"]),
        Route("/", log_in, methods=["POST"]),
        Router(desk).do("/logout", log_out, for_admins=False),
    ]
