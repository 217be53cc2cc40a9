"""A letter as JSON, and what it becomes (RFC 5322)."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroom.address import Address
from postroom.admin import names
from postroom.errors import Invalid
from postroom.message import compose
from postroom.message.compose import Attachment, Draft, Person
from postroom.message.htmltext import html_text
from postroom.web.api.operation import Input

_FREE: Final = re.compile(
    r"(x-[a-z0-9-]+|list-[a-z-]+|reply-to|in-reply-to|references|auto-submitted|precedence"
    r"|importance|priority|organization|feedback-id|comments|keywords)",
    re.IGNORECASE,
)
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")


class Correspondent(Input, frozen=True, kw_only=True):
    """An address with a name."""

    address: str
    name: Annotated[str, Meta(max_length=200)] = ""


class File(Input, frozen=True, kw_only=True):
    """A file that goes along."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    content: Annotated[bytes, Meta(description="Base64.")]
    content_type: str = "application/octet-stream"


Who = str | Correspondent


class NewMessage(Input, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A letter to send. With ``html`` and no ``text``, the text is made of it."""

    from_: Annotated[Who, Meta(description="One that the account may send as.")]
    to: tuple[Who, ...] = ()
    cc: tuple[Who, ...] = ()
    bcc: Annotated[tuple[Who, ...], Meta(description="The others don't see them.")] = ()
    reply_to: tuple[Who, ...] = ()
    subject: Annotated[str, Meta(max_length=10_000)] = ""
    text: str = ""
    html: str = ""
    attachments: Annotated[tuple[File, ...], Meta(max_length=100)] = ()
    headers: Annotated[
        dict[str, str],
        Meta(
            max_length=50,
            description="Further fields: X-..., List-..., In-Reply-To, References, Auto-Submitted "
            "and a few more.",
        ),
    ] = msgspec.field(default_factory=dict)


def recipients(message: NewMessage) -> list[Address]:
    """Whom it goes to, each once. Raises Invalid."""
    return list(dict.fromkeys(_address(one) for one in (*message.to, *message.cc, *message.bcc)))


def sender(message: NewMessage) -> Address:
    """Who stands in From. Raises Invalid."""
    return _address(message.from_)


def composed(message: NewMessage, *, date: str, message_id: str) -> bytes:
    """The octets of the letter. Raises Invalid."""
    more = [(name, value) for name, value in message.headers.items() if _is_free(name)]
    if message.reply_to:
        more.insert(0, ("Reply-To", ", ".join(map(str, map(_address, message.reply_to)))))
    return compose.compose(
        Draft(
            sender=_person(message.from_),
            to=_persons(message.to),
            cc=_persons(message.cc),
            subject=message.subject,
            text=message.text or html_text(message.html),
            html=message.html,
            date=date,
            message_id=message_id,
            more=more,
            attachments=[_attachment(one) for one in message.attachments],
        )
    )


def _is_free(name: str) -> bool:
    if not _FREE.fullmatch(name):
        raise Invalid(
            f"the field {name!r} can't be set here; send the whole message as message/rfc822"
        )
    return True


def _attachment(file: File) -> Attachment:
    if not _TYPE.fullmatch(file.content_type):
        raise Invalid(f"{file.content_type!r} is no media type; write one like application/pdf")
    if file.content_type.lower().startswith(("message/", "multipart/")):
        raise Invalid(f"{file.content_type} is no file; send the whole message as message/rfc822")
    return Attachment(file.name, file.content, file.content_type)


def _address(who: Who) -> Address:
    text = who if isinstance(who, str) else who.address
    try:
        return names.address(text)
    except Invalid as error:
        as_object = '; or give it as {"address": "..", "name": ".."}' if "<" in text else ""
        raise Invalid(f"{error}{as_object}") from None


def _person(who: Who) -> Person:
    return Person(str(_address(who)), "" if isinstance(who, str) else who.name)


def _persons(some: Sequence[Who]) -> list[Person]:
    return [_person(one) for one in some]
