"""A person's own mail, brought here from elsewhere and taken away again."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from postroom.admin.jobs import views, wishes
from postroom.admin.jobs.wishes import ExportFormat
from postroom.admin.moving.remote import PROVIDERS
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.backups import SHOWN, change_job
from postroom.web.pages.moving import begin_file, begin_imap
from postroom.web.render import HEADERS
from postroom.web.routing import Router
from postroom.web.uploads import Received

HERE: Final = "/me/mail"
JOBS: Final = f"{HERE}#jobs"
_FORMS: Final[Mapping[str, ExportFormat]] = {"mbox": "mbox", "maildir": "maildir"}


def routes(desk: Desk) -> list[Route]:
    """The page, its forms, and the file of an export."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        account, after = visitor.identity.account_id, request.query_params.get("after", "")
        return renderer.page(
            "own_mail.html", visitor=visitor, here=HERE, providers=PROVIDERS,
            most=office.config.uploads.max_size,
            jobs=await views.page(office, account, after=after, size=SHOWN),
        )  # fmt: skip

    async def imap(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await begin_imap(desk, visitor.identity.address, fields, is_owner=False)
        return JOBS

    async def upload(_request: Request, visitor: Visitor, got: Received) -> str:
        await begin_file(desk, visitor.identity.address, got)
        return JOBS

    async def export(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        form = _FORMS.get(fields.get("form", ""))
        if form is None:
            raise Invalid("choose the form of the export")
        await wishes.export(office, visitor.identity.address, form)
        return JOBS

    async def job(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await change_job(desk, fields, visitor.identity.account_id)
        return JOBS

    async def fetch(request: Request, visitor: Visitor) -> Response:
        ident = request.path_params["ident"]
        path = await views.file_of(office, ident, visitor.identity.account_id)
        return FileResponse(path, filename=path.name, headers=HEADERS)

    return [
        router.show(HERE, show, for_admins=False),
        router.do(f"{HERE}/imap", imap, for_admins=False),
        router.take(f"{HERE}/file", upload, for_admins=False),
        router.do(f"{HERE}/export", export, for_admins=False),
        router.do(f"{HERE}/jobs", job, for_admins=False),
        router.show(f"{HERE}/file/{{ident}}", fetch, for_admins=False),
    ]
