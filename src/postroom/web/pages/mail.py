"""A person's mailboxes: a list of messages, searched, and what is done to those that are ticked."""

import urllib.parse
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import names
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.mail import acts, signature
from postroom.web.mail.acts import Moved
from postroom.web.mail.reader import ARCHIVE, DRAFTS, JUNK, SHOWN, TRASH, Box, Reader
from postroom.web.routing import Router

HERE: Final = "/mail"
TICK: Final = "uid:"
MAX_DIGITS: Final = 10
_USES: Final = {"archive": ARCHIVE, "drafts": DRAFTS, "junk": JUNK, "trash": TRASH}


def routes(desk: Desk) -> list[Route]:
    """The list and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        asked = request.query_params
        box, query = asked.get("box", "INBOX"), asked.get("q", "").strip()
        reader = Reader(office, visitor.identity)
        before = uid_of(asked.get("before", "") or "0")
        is_all = bool(query) and "all" in asked
        page = await (
            reader.everywhere(query) if is_all else reader.page(box, query=query, before=before)
        )
        boxes = await reader.boxes()
        return renderer.page(
            "mail.html", visitor=visitor, here=HERE, box=box, q=query, page=page, boxes=boxes,
            use=use_of(boxes, box), uses=_USES, is_all=is_all, signature=await signature.read(reader),
            moved=_moved(asked), room=await _room(desk, visitor), before=before or "",
        )  # fmt: skip

    async def act(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        box = fields.get("box", "INBOX")
        uids = [uid_of(name.removeprefix(TICK)) for name in fields if name.startswith(TICK)]
        reader = Reader(office, visitor.identity)
        moved = await acts.act(reader, box, uids, fields.get("act", ""), fields.get("target", ""))
        if back := fields.get("back"):  # it was moved back
            return path_of(back)
        there = {"q": fields.get("q", ""), "before": fields.get("before", "")}
        if moved is not None and len(moved.uids) <= SHOWN:
            there |= {"moved": moved.box, "uids": ",".join(map(str, moved.uids))}
        return path_of(box, **there)

    async def act_on_all(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        box = fields.get("box", "INBOX")
        await acts.act_on_all(Reader(office, visitor.identity), box, fields.get("act", ""))
        return f"{path_of(box)}#done"

    return [
        router.show(HERE, show, for_admins=False),
        router.do(HERE, act, for_admins=False),
        router.do(f"{HERE}/all", act_on_all, for_admins=False),
    ]


def _moved(asked: Mapping[str, str]) -> Moved | None:
    """What was just moved away from here, by the query. Raises Invalid."""
    uids = [uid_of(one) for one in asked.get("uids", "").split(",") if one][:SHOWN]
    return Moved(asked["moved"], uids) if uids and "moved" in asked else None


async def _room(desk: Desk, visitor: Visitor) -> str:
    """How much of the quota is used."""
    office, account = desk.office, visitor.identity.account_id
    quota, used = await office.directory.quota_of(account), await office.store.usage(account)
    said = names.size(used.octets)
    if quota.octets:
        said += f" of {names.size(quota.octets)} ({100 * used.octets // quota.octets} %)"
    if quota.messages:
        said += f", {used.messages} of {names.count(quota.messages, 'message')}"
    return said


def use_of(boxes: list[Box], name: str) -> str:
    """The special use of a mailbox of the list, "" for none."""
    return next((one.use for one in boxes if one.name == name), "")


def uid_of(text: str) -> int:
    """A UID, 32 bits. Raises Invalid."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise Invalid(f"{text!r} is the number of no message")
    return int(text)


def path_of(box: str, page: str = HERE, **more: object) -> str:
    """The path of a page about a mailbox; what is empty is left out."""
    asked = {"box": box, **more}
    return f"{page}?{urllib.parse.urlencode({key: value for key, value in asked.items() if value})}"
