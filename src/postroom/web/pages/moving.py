"""Mail and accounts from elsewhere, for people here: by IMAP, from files, from lists."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.jobs import views, wishes
from postroom.admin.moving.remote import PROVIDERS, Remote
from postroom.errors import Invalid
from postroom.net.channel import Tls
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.backups import SHOWN, change_job
from postroom.web.pages.filters import number
from postroom.web.routing import Router
from postroom.web.uploads import Received

HERE: Final = "/admin/import"
JOBS: Final = f"{HERE}#jobs"
LISTS: Final = {
    "csv": "CSV, with a first line that names the columns",
    "hmailserver": "hMailServer: the XML of its backup",
    "postfix-virtual": "Postfix: virtual",
    "postfix-aliases": "Postfix or Sendmail: aliases",
    "dovecot-passwd": "Dovecot: passwd-file",
}
_TLS: Final[Mapping[str, Tls]] = {"implicit": "implicit", "starttls": "starttls", "none": "none"}


def routes(desk: Desk) -> list[Route]:
    """The page, and what is begun and ended on it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        after = request.query_params.get("after", "")
        return renderer.page(
            "import.html", visitor=visitor, here=HERE, providers=PROVIDERS, lists=LISTS,
            account=request.query_params.get("account", ""),
            most=office.config.uploads.max_size,
            jobs=await views.page(office, None, after=after, size=SHOWN),
        )  # fmt: skip

    async def imap(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await begin_imap(desk, fields.get("account", ""), fields, is_owner=True)
        return JOBS

    async def upload(_request: Request, _visitor: Visitor, got: Received) -> str:
        await begin_file(desk, got.fields.get("account", ""), got)
        return JOBS

    async def accounts(_request: Request, _visitor: Visitor, got: Received) -> str:
        form = wishes.require_format(got.fields.get("form", ""))
        domain = got.fields.get("domain", "").strip()
        await wishes.import_list(office, got.ident, got.require_file(), form, domain=domain)
        got.keep()
        return JOBS

    async def make(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await wishes.make(office, fields.get("id", ""))
        return JOBS

    async def job(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await change_job(desk, fields, None)
        return JOBS

    return [
        router.show(HERE, show, for_admins=True),
        router.do(f"{HERE}/imap", imap, for_admins=True),
        router.take(f"{HERE}/file", upload, for_admins=True),
        router.take(f"{HERE}/accounts", accounts, for_admins=True),
        router.do(f"{HERE}/make", make, for_admins=True),
        router.do(f"{HERE}/jobs", job, for_admins=True),
    ]


async def begin_imap(
    desk: Desk, address: str, fields: Mapping[str, str], *, is_owner: bool
) -> None:
    """Ask for what the form ``imap`` of ``moving.html`` says.

    Only an owner may name a server in the network of this one, or take any certificate.
    """
    given = {name: fields.get(name, "").strip() for name in ("host", "login", "only", "port")}
    tls = _TLS.get(fields.get("tls", "implicit"))
    if tls is None:
        raise Invalid("choose how the connection is encrypted")
    there = Remote(
        protocol="imap",
        host=given["host"],
        port=number(given["port"], "port") if given["port"] else 0,
        tls=tls,
        login=given["login"],
        secret=fields.get("password", ""),
        is_token="is_token" in fields,
        verify=not (is_owner and "any_certificate" in fields),
        is_public=not is_owner,
    )
    await wishes.import_imap(
        desk.office,
        address,
        there,
        host=given["host"],
        preset=fields.get("preset", ""),
        only=(given["only"],) if given["only"] else (),
        into=fields.get("into", ""),
    )


async def begin_file(desk: Desk, address: str, got: Received) -> None:
    """Ask for what the form ``file`` of ``moving.html`` says."""
    name, into = got.require_file(), got.fields.get("into", "")
    await wishes.import_file(desk.office, address, got.ident, name, into=into)
    got.keep()
