"""From a path to a page: logged in or not, allowed or not, and what is said when it fails.

What ``admin`` refuses comes back on the page that asked, as a sentence; nothing is half done.
"""

import urllib.parse
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from postroom.errors import MailError, NotFound, Refused
from postroom.web.desk import Desk, Forbidden, Page, TooLarge, Visitor, form

Action = Callable[[Request, Visitor, Mapping[str, str]], Awaitable[Response | str]]


class Router:
    """Makes routes for pages and actions of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, path: str, page: Page, *, for_admins: bool) -> Route:
        """A page that is looked at."""

        async def endpoint(request: Request) -> Response:
            visitor = await self._desk.visitor(request)
            if visitor is None:
                return _to_login(request)
            if for_admins and not visitor.identity.is_admin:
                return self._message(visitor, 403, "This page is for administrators.")
            try:
                return await page(request, visitor)
            except NotFound as error:
                return self._message(visitor, 404, str(error))
            except (Refused, MailError) as error:
                return self._message(visitor, 400, _words(error))

        return Route(path, endpoint, methods=["GET"])

    def do(self, path: str, action: Action, *, for_admins: bool) -> Route:
        """A form that is sent. The action answers with a page, or with the path to go to."""

        async def endpoint(request: Request) -> Response:
            visitor = await self._desk.visitor(request)
            if visitor is None:
                return _to_login(request)
            if for_admins and not visitor.identity.is_admin:
                return self._message(visitor, 403, "This page is for administrators.")
            try:
                fields = await form(request, visitor)
                result = await action(request, visitor, fields)
            except Forbidden as error:
                return self._message(visitor, 403, str(error))
            except TooLarge:
                return self._message(visitor, 413, "The form is too large.")
            except NotFound as error:
                return self._message(visitor, 404, str(error))
            except (Refused, MailError) as error:
                return self._message(visitor, 400, _words(error))
            return result if isinstance(result, Response) else RedirectResponse(result, 303)

        return Route(path, endpoint, methods=["POST"])

    def _message(self, visitor: Visitor, status: int, text: str) -> Response:
        return self._desk.renderer.page(
            "message.html", status=status, visitor=visitor, title="", text=text
        )


def _to_login(request: Request) -> Response:
    following = urllib.parse.quote(request.url.path)
    return RedirectResponse(f"/?next={following}", status_code=303)


def _words(error: Refused | MailError) -> str:
    return str(error) if isinstance(error, Refused) else f"{error.text}."
