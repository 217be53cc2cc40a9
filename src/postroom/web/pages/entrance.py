"""The login form at ``/``, which works without JavaScript, and the way out."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from postroom.access.login import LoginDelayed, LoginRefused
from postroom.errors import MailError
from postroom.web import handover, webauthn
from postroom.web.desk import Desk, Forbidden, TooLarge, Visitor, following, form
from postroom.web.routing import Router

Step = Callable[[Mapping[str, str]], Awaitable[Response]]


def routes(desk: Desk) -> list[Route]:
    """Login and logout."""

    async def entrance(request: Request) -> Response:
        visitor = await desk.visitor(request)
        if visitor is not None:
            return RedirectResponse("/admin" if visitor.is_admin else "/mail", 303)
        return entrance_form(desk, request)

    async def log_in(request: Request) -> Response:
        async def step(fields: Mapping[str, str]) -> Response:
            return await desk.log_in(request, fields.get("address", ""), fields.get("password", ""))

        return await tried(desk, request, step, "That address and password do not belong together.")

    async def second(request: Request) -> Response:
        async def step(fields: Mapping[str, str]) -> Response:
            return await desk.second(request, fields.get("half", ""), fields.get("code", ""))

        return await tried(desk, request, step, "That took too long: log in once more.")

    async def log_out(request: Request, visitor: Visitor, _fields: Mapping[str, str]) -> Response:
        left = await desk.log_out(visitor)
        url = ""
        if visitor.session.method == "oidc" and desk.provider is not None:
            url = await desk.provider.farewell(f"https://{request.headers.get('host', '')}/")
        if not url or desk.provider is None:
            return left
        name = desk.provider.source.label
        page = desk.renderer.page("left.html", visitor=None, url=url, provider=name)
        page.headers["set-cookie"] = left.headers["set-cookie"]
        return page

    return [
        Route("/", entrance, methods=["GET"]),
        Route("/", log_in, methods=["POST"]),
        Route("/second", second, methods=["POST"]),
        Router(desk).do("/logout", log_out, for_admins=False, to_enrol=True),
    ]


def entrance_form(
    desk: Desk, request: Request, problem: str = "", status: int = 200, address: str = ""
) -> Response:
    """The login form, with what went wrong and the address that was typed."""
    options = ticket = ""
    host = webauthn.host_of(request.headers.get("host", ""))
    if host and webauthn.is_available():
        options, asked = webauthn.request(host)
        ticket = handover.give(desk.key, asked, desk.office.now())
    return desk.renderer.page(
        "login.html",
        status=status,
        visitor=None,
        problem=problem,
        address=address,
        options=options,
        ticket=ticket,
        following=following(request),
        provider=desk.provider.source.label if desk.provider else "",
    )


async def tried(desk: Desk, request: Request, step: Step, refused: str) -> Response:
    """What a step of a login answers, or the form with what stands in its way."""
    fields: Mapping[str, str] = {}
    try:
        fields = await form(request, None)
        return await step(fields)
    except LoginRefused:
        problem, status = refused, 403
    except LoginDelayed:
        problem, status = "Too many attempts: wait a minute and try again.", 429
    except MailError as error:
        problem, status = f"{error.text}.", 503
    except Forbidden as error:
        problem, status = str(error), 403
    except TooLarge:
        problem, status = "The form is too large.", 413
    return entrance_form(desk, request, problem, status, fields.get("address", ""))
