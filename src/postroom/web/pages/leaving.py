"""Leaving a mailing list by the link that stands in each post: RFC 8058.

Who has the link is the member, or reads their mail; nobody logs in. To look at the page changes
nothing, since programs look at links; one click on its button does, and so does the POST that mail
programs send for their users.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import lists
from postroom.directory import list_keys
from postroom.errors import MailError
from postroom.intake.lists.distribution import LEAVE_PATH
from postroom.web.desk import Desk


def routes(desk: Desk) -> list[Route]:
    """The page, and its button."""
    office, renderer = desk.office, desk.renderer

    def member(request: Request) -> int:
        """The id of who leaves; 0 for a link of nobody's."""
        detail = f"leave-{request.path_params['token']}"
        opened = list_keys.opened(detail, office.directory.secrets.srs)
        return opened[1] if opened is not None and opened[0] == "leave" else 0

    async def ask(request: Request) -> Response:
        found = await lists.of_member(office, member(request))
        return page(found, status=404 if found is None else 200)

    async def leave(request: Request) -> Response:
        try:
            found = await lists.of_member(office, member(request))
            if found is not None:
                await lists.leave(office, *found)
        except MailError as error:
            return renderer.page(
                "message.html", status=503, visitor=None, title="", text=f"{error.text}.", before=""
            )
        return page(found, has_left=True)

    def page(
        found: tuple[str, str] | None, *, status: int = 200, has_left: bool = False
    ) -> Response:
        of = "" if found is None else found[0]
        return renderer.page("leave.html", status=status, visitor=None, of=of, has_left=has_left)

    path = f"{LEAVE_PATH}{{token}}"
    return [
        Route(path, ask, methods=["GET"]),
        Route(path, leave, methods=["POST"]),
    ]
