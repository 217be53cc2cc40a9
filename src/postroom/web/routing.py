"""From a path to a page: logged in or not, allowed or not, and what is said when it fails.

Whether somebody may see or send something is decided here and nowhere else: each route says
whom it is for, and what of a request names something that must be theirs. What ``admin``
refuses comes back on the page that asked, as a sentence; nothing is half done.
"""

import urllib.parse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from postroom.admin import reach
from postroom.admin.reach import Kind
from postroom.db.database import Tx
from postroom.errors import Invalid, MailError, NotFound, Refused
from postroom.web import uploads
from postroom.web.desk import COOKIE, Desk, Forbidden, Page, TooLarge, Visitor, form
from postroom.web.mail import form as mail_form

Answer = Callable[[Request, Visitor], Awaitable[Response | str]]
Action = Callable[[Request, Visitor, Mapping[str, str]], Awaitable[Response | str]]
Writing = Callable[[Request, Visitor, mail_form.Form], Awaitable[Response | str]]
Taking = Callable[[Request, Visitor, uploads.Received], Awaitable[Response | str]]


class Named(msgspec.Struct, frozen=True):
    """What of a request names something: the part ``name`` of its path, query or form."""

    kind: Kind
    where: Literal["path", "query", "form"]
    name: str
    is_changed: bool = False
    """The account is changed: it must not have powers that the visitor lacks."""


THEIRS: Final[Sequence[Named]] = ()
"""For a page that names nothing, and shows what belongs to ``Visitor.within``."""


class _Address(StringConvertor):
    """An address in a path, ``{address:address}``: a slash may stand in its local part."""

    regex = ".+@[^/@]+|[^/]+"


register_url_convertor("address", _Address())

OWN: Final = "/me"
ENROL: Final = "/me/security"


class Router:
    """Makes routes for pages and actions of one desk.

    ``for_admins`` are owners; ``of`` lets administrators of single domains in as well, when
    everything that it lists belongs to their domains. ``to_enrol`` is what somebody needs who
    has to set up a second factor first.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(
        self,
        path: str,
        page: Page,
        *,
        for_admins: bool,
        of: Sequence[Named] | None = None,
        to_enrol: bool = False,
    ) -> Route:
        """A page that is looked at."""

        async def answer(request: Request, visitor: Visitor) -> Response:
            if for_admins:
                await self._admit(visitor, request, of, {})
            return await page(request, visitor)

        return self._route("GET", path, answer, to_enrol=to_enrol)

    def do(
        self,
        path: str,
        action: Action,
        *,
        for_admins: bool,
        of: Sequence[Named] | None = None,
        to_enrol: bool = False,
    ) -> Route:
        """A form that is sent. The action answers with a page, or with the path to go to."""

        async def answer(request: Request, visitor: Visitor) -> Response | str:
            fields = await form(request, visitor)
            if for_admins:
                await self._admit(visitor, request, of, fields)
            return await action(request, visitor, fields)

        return self._route("POST", path, answer, to_enrol=to_enrol)

    def take(self, path: str, action: Taking, *, for_admins: bool) -> Route:
        """A form with a file that is sent; ``for_admins`` are owners only.

        Who may not send it is told so before anything of it is read.
        """

        async def answer(request: Request, visitor: Visitor) -> Response | str:
            if for_admins:
                await self._admit(visitor, request, None, {})
            async with uploads.received(request, visitor, self._desk.office) as got:
                return await action(request, visitor, got)

        return self._route("POST", path, answer)

    def write(self, path: str, action: Writing) -> Route:
        """A form in which a message is written, with the files that go along.

        Whose session has ended meanwhile gets back what they have written.
        """

        async def answer(request: Request, visitor: Visitor) -> Response | str:
            async with mail_form.received(request, visitor) as got:
                return await action(request, visitor, got)

        return self._route("POST", path, answer, logged_out=self._given_back)

    async def _given_back(self, request: Request) -> Response:
        if COOKIE not in request.cookies:  # there was no session that could have ended
            return _to_login(request)
        try:
            async with mail_form.received(request, None) as got:
                fields = got.fields
        except (Forbidden, TooLarge, Refused):
            return _to_login(request)
        return self._desk.renderer.page(
            "logged_out.html", status=403, visitor=None,
            written={name: fields.get(name, "") for name in ("to", "cc", "bcc", "subject", "text")},
        )  # fmt: skip

    def _route(
        self,
        method: str,
        path: str,
        answer: Answer,
        *,
        to_enrol: bool = False,
        logged_out: Callable[[Request], Awaitable[Response]] | None = None,
    ) -> Route:
        """The answer to whoever has logged in, or what stands in its way as a page."""

        async def endpoint(request: Request) -> Response:
            visitor = await self._desk.visitor(request)
            if visitor is None:
                return await logged_out(request) if logged_out else _to_login(request)
            if visitor.must_enrol and not to_enrol:
                return RedirectResponse(ENROL, 303)
            try:
                if any("\0" in value for value in request.query_params.values()):
                    raise Invalid("the address of the page holds NUL, which no text does")
                found = await answer(request, visitor)
            except Forbidden as error:
                status, text = 403, str(error)
            except TooLarge as error:
                status, text = 413, str(error) or "The form is too large."
            except NotFound as error:
                status, text = 404, str(error)
            except (Refused, MailError) as error:
                status, text = 400, _words(error)
            else:
                return _led_on(found)
            is_form = method == "POST"
            return self._desk.renderer.page(
                "message.html", status=status, visitor=visitor, text=text, is_form=is_form,
                title="There is nothing here" if status == 404 and not is_form else "",
                before=_page_before(request) if is_form else "",
            )  # fmt: skip

        return Route(path, endpoint, methods=[method])

    async def _admit(
        self,
        visitor: Visitor,
        request: Request,
        of: Sequence[Named] | None,
        fields: Mapping[str, str],
    ) -> None:
        """Let an administrator pass, or raise Forbidden; NotFound for what is not theirs."""
        if not visitor.is_admin:
            raise Forbidden("This page is for administrators.")
        within = visitor.within
        if within is None:
            return
        if of is None:
            raise Forbidden("This page is for owners, who administer the whole server.")
        named = [(one, _value(one, request, fields)) for one in of]

        def test(tx: Tx) -> None:
            for one, text in named:
                if one.where == "query" and not text:
                    continue
                if not reach.reaches(tx, within, one.kind, text):
                    raise NotFound(f"there is no {text} in your domains")
                if one.is_changed and not reach.may_touch(tx, within, text):
                    raise Forbidden(f"{text} may do more than you: an owner can change it")

        await self._desk.office.directory.look(test)


def _value(one: Named, request: Request, fields: Mapping[str, str]) -> str:
    if one.where == "path":
        return str(request.path_params[one.name])
    return (request.query_params if one.where == "query" else fields).get(one.name, "").strip()


def _led_on(found: Response | str) -> Response:
    """A page that was made, or the way to the next; one's own pages say there that it is done."""
    if isinstance(found, Response):
        return found
    is_own = found.startswith(OWN) and "#" not in found
    return RedirectResponse(f"{found}#done" if is_own else found, 303)


def _page_before(request: Request) -> str:
    """The page of ours that a form was sent from; "" when the browser does not say."""
    there = urllib.parse.urlsplit(request.headers.get("referer", ""))
    return there.path if there.netloc == request.headers.get("host") else ""


def _to_login(request: Request) -> Response:
    following = urllib.parse.quote(request.url.path)
    return RedirectResponse(f"/?next={following}", status_code=303)


def _words(error: Refused | MailError) -> str:
    return str(error) if isinstance(error, Refused) else f"{error.text}."
