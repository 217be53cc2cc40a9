"""Writing a message: anew, as an answer, or on with a draft; sending it, or keeping it as a draft."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.outgoing.ways import WayView
from postroom.errors import MailError, NotFound, OutcomeUnknown, Refused
from postroom.web.desk import Desk, Visitor, peer_of
from postroom.web.mail import acquaintances, layout, signature, writing as words
from postroom.web.mail.form import MOST, Form
from postroom.web.mail.outbox import Outbox, Repeated
from postroom.web.mail.reader import Message, Reader
from postroom.web.mail.writing import Writing
from postroom.web.pages.mail import path_of, uid_of
from postroom.web.routing import Router
from postroom.web.submitting import NotTaken

HERE: Final = "/mail/write"
WAITING: Final = "/mail/waiting"
KEEP: Final = "keep:"


def routes(desk: Desk) -> list[Route]:
    """The form, and what is done with it."""
    office, router = desk.office, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        reader = Reader(office, visitor.identity)
        outbox = Outbox(desk, reader)
        writing = await _begun(reader, outbox, request.query_params)
        return await form_page(outbox, visitor, writing, outbox.fresh_id())

    async def again(
        visitor: Visitor, outbox: Outbox, fields: Mapping[str, str], before: Repeated
    ) -> Response | str:
        """After a form was sent, now or before; with what has changed in it since, if anything."""
        if before == "other":
            writing = await _without_files(outbox.reader, fields)
            return await form_page(outbox, visitor, writing, outbox.fresh_id(), Told(was_sent=True))
        is_later = bool(fields.get("later", "").strip())
        return f"{WAITING if is_later else path_of(fields.get('box', '') or 'INBOX')}#done"

    async def done(request: Request, visitor: Visitor, form: Form) -> Response | str:
        reader, fields = Reader(office, visitor.identity), form.fields
        outbox, mark = Outbox(desk, reader), fields.get("mark", "")
        attached = [(one.name, hash(one.octets)) for one in form.files]
        content = hash((*sorted(fields.items()), *attached))
        if form.problem:
            return await unchanged(outbox, visitor, form)
        if before := await outbox.repeated(mark, content):
            return await again(visitor, outbox, fields, before)
        writing = await taken(reader, form)
        if writing is None:
            return await unchanged(outbox, visitor, form)
        try:
            if fields.get("act") == "draft":
                box, uid = await outbox.keep(writing, mark, form.files)
                return f"{path_of(box, HERE, draft=uid)}#done"
            before = await outbox.send(writing, mark, form.files, peer_of(request), content)
        except (NotTaken, OutcomeUnknown, Refused, MailError) as error:
            told = Told(_problem(error, fields))
            return await form_page(outbox, visitor, writing, mark, told)
        return await again(visitor, outbox, fields, before or "same")

    return [
        router.show(HERE, show, for_admins=False),
        router.write(HERE, done),
    ]


async def taken(reader: Reader, form: Form) -> Writing | None:
    """What was filled in; None for a form with a problem, or made from what is gone."""
    if form.problem:
        return None
    try:
        return await filled(reader, form.fields)
    except NotFound as error:
        form.refuse(400, str(error))
        return None


async def unchanged(outbox: Outbox, visitor: Visitor, form: Form) -> Response:
    """What was typed into a form that can't be taken, and why; nothing of it is done."""
    writing = await _without_files(outbox.reader, form.fields)
    mark = form.fields.get("mark") or outbox.fresh_id()
    told = Told(_sentence(f"{_not_done(form.fields)}: {form.problem}"), status=form.status)
    return await form_page(outbox, visitor, writing, mark, told)


async def _without_files(reader: Reader, fields: Mapping[str, str]) -> Writing:
    """What was filled in but for files, and for the layout of a message that is gone."""
    bare = {name: text for name, text in fields.items() if not name.startswith(KEEP)}
    try:
        return await filled(reader, bare)
    except NotFound:
        return await filled(reader, bare | {"layout": ""})


def _not_done(fields: Mapping[str, str]) -> str:
    return "It was not kept" if fields.get("act") == "draft" else "It was not sent"


def _sentence(said: str) -> str:
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _problem(error: Exception, fields: Mapping[str, str]) -> str:
    not_done = _not_done(fields)
    if isinstance(error, OutcomeUnknown):
        return "The disk failed while the message was written, so it may have been sent: look into Sent, and ask who it is for."
    if isinstance(error, MailError):
        return f"{not_done}: {error.text}."
    return _sentence(f"{not_done}: {error}")


class Told(msgspec.Struct, frozen=True):
    """What a form says beside what stands in it; ``has_lost``: files have to be chosen again."""

    problem: str = ""
    status: int = 400  # where there is a problem
    was_sent: bool = False
    ways: Sequence[WayView] = ()
    has_lost: bool = False


async def form_page(
    outbox: Outbox, visitor: Visitor, writing: Writing, mark: str, told: Told | None = None
) -> Response:
    """The form with what stands in it."""
    told = told or Told()
    return outbox.desk.renderer.page(
        "mail_write.html", frames=bool(writing.layout),
        status=told.status if told.problem else 409 if told.was_sent else 200,
        visitor=visitor, here="/mail", one=writing, mark=mark, told=told, most=MOST,
        senders=await outbox.senders(), people=await acquaintances.known(outbox.reader),
    )  # fmt: skip


async def _begun(reader: Reader, outbox: Outbox, asked: Mapping[str, str]) -> Writing:
    """What stands in the form at first."""
    box, way = asked.get("box", "INBOX"), words.way_of(asked.get("to", ""))
    if "draft" in asked:
        found = await reader.message(box, uid_of(asked["draft"]))
        return words.draft_of(found, box, layout=_layout(found))
    begun = Writing(to=asked.get("address", ""), sender=asked.get("from", ""))
    if way:
        found = await reader.message(box, uid_of(asked.get("uid", "")))
        kept = "" if asked.get("as") == "text" else _layout(found)
        begun = words.answer(found, way, box, await outbox.senders(), layout=kept)
    text = signature.above(await signature.read(reader, begun.sender), begun.text)
    return msgspec.structs.replace(begun, text=text)


def _layout(found: Message) -> str:
    return layout.KEPT if layout.can_go_along(found) else ""


async def filled(reader: Reader, fields: Mapping[str, str]) -> Writing:
    """What was filled in. Raises Invalid; NotFound when what it takes from a message is gone."""
    box, uid = fields.get("box", ""), uid_of(fields.get("uid", "") or "0")
    way = fields.get("way", "")
    kept = [name.removeprefix(KEEP) for name in fields if name.startswith(KEEP)]
    laid = "" if "flat" in fields else fields.get("layout", "")
    takes = uid and (kept or laid)
    source: Message | None = await reader.message(box, uid) if takes else None
    return Writing(
        sender=fields.get("from", ""),
        to=fields.get("to", ""),
        cc=fields.get("cc", ""),
        bcc=fields.get("bcc", ""),
        subject=fields.get("subject", ""),
        text=fields.get("text", ""),
        in_reply_to=fields.get("in-reply-to", ""),
        references=fields.get("references", ""),
        way="draft" if way == "draft" else words.way_of(way),
        box=box,
        uid=uid,
        files=tuple(one for one in source.files if one.path in kept) if source else (),
        layout=laid,
        later=fields.get("later", "").strip(),
        proven="proven" in fields,
    )
