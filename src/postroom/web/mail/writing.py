"""A message that is being written: what stands in the form, and what becomes of it.

An answer goes to Reply-To, an answer to all also to whoever got the message, but not to oneself;
it is threaded by In-Reply-To and References (RFC 5322 §3.6.4). What is forwarded is quoted whole
and takes its files along.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final, Literal

import msgspec

from postroom.address import Address, AddressError, Domain
from postroom.errors import Invalid
from postroom.message import compose
from postroom.message.addresses import mailboxes, parse
from postroom.message.charset import decode, decode_words
from postroom.message.compose import Attachment, Draft, Person
from postroom.protocol.smtp.standing import MAX_HOLD
from postroom.web.mail.contacts import Contact
from postroom.web.mail.reader import File, Message

Way = Literal["author", "all", "others", "draft", ""]

MAX_PEOPLE: Final = 1_000
MAX_IDS: Final = 20  # of References: the first and the latest

_WAYS: Final[dict[str, Way]] = {"author": "author", "all": "all", "others": "others"}


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the form. ``box`` and ``uid`` are of the message that it is made from.

    ``proven``: only over proven TLS (RFC 8689). ``layout``: "kept" when the layout of that goes along. ``files`` are that message's, which go along unless they are unticked; ``later`` is when to send
    it, as ``YYYY-MM-DDTHH:MM`` in UTC.
    """

    sender: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    in_reply_to: str = ""
    references: str = ""
    way: Way = ""
    box: str = ""
    uid: int = 0
    files: tuple[File, ...] = ()
    layout: str = ""
    later: str = ""
    proven: bool = False


def hold_until(text: str, now: int) -> int | None:
    """When a message is to be sent (UTC milliseconds); None for at once. Raises Invalid."""
    if not text.strip():
        return None
    try:
        moment = dt.datetime.fromisoformat(text.strip())
        at = int(moment.replace(tzinfo=moment.tzinfo or dt.UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Invalid(f"{text} is no time; write it like 2026-12-24T18:00 (UTC)") from None
    if not now < at <= now + 1000 * MAX_HOLD:
        raise Invalid(
            f"a message can be sent at a time of the next {MAX_HOLD // 86_400} days; {text} is none"
        )
    return at


def way_of(text: str) -> Way:
    """Whom an answer is for; "" for a message of its own."""
    return _WAYS.get(text, "")


def answer(
    found: Message, way: Way, box: str, own: Collection[str], *, layout: str = ""
) -> Writing:
    """An answer to a message, or what forwards it; ``own`` are the writer's addresses.

    With ``layout`` the text of what is forwarded is not in the form.
    """
    if way == "others":
        return Writing(
            subject=_marked("Fwd: ", ("fwd:", "fw:"), found.subject),
            text=_forwarded(found, with_text=not layout), layout=layout,
            references=_thread(found),
            way=way, box=box, uid=found.uid, files=found.files, sender=_reached(found, own),
        )  # fmt: skip
    mine = {one.casefold() for one in own}
    author = found.reply_to or found.author
    if author and all(one.address.casefold() in mine for one in author):  # an answer to oneself
        author = found.to
    to = [*author, *(found.to if way == "all" else ())]
    cc = found.cc if way == "all" else ()
    return Writing(
        sender=_reached(found, own),
        to=_written(to, mine, keep=author),
        cc=_written(cc, mine | {one.address.casefold() for one in to}),
        subject=_marked("Re: ", ("re:",), found.subject),
        text=_quoted(found),
        in_reply_to=found.message_id,
        references=_thread(found),
        way=way, box=box, uid=found.uid,
    )  # fmt: skip


def draft_of(found: Message, box: str, *, layout: str = "") -> Writing:
    """A draft, to be written on. Raises Invalid when the form would lose some of its text."""
    if found.is_cut:
        raise Invalid("the draft is longer than the form takes: go on with it in a mail program")
    return Writing(
        sender=found.author[0].address if found.author else "",
        to=_written(found.to), cc=_written(found.cc), bcc=_written(found.bcc),
        subject=found.subject,
        text=found.text,
        in_reply_to=found.in_reply_to,
        references=found.references if found.references != found.in_reply_to else "",
        way="draft", box=box, uid=found.uid, files=found.files, layout=layout,
    )  # fmt: skip


def people(text: str, label: str) -> list[Person]:
    """Addresses as they were typed, with commas or semicolons between. Raises Invalid."""
    found = _typed(text)
    if len(found) >= MAX_PEOPLE:
        raise Invalid(f"{label} has room for {MAX_PEOPLE - 1} addresses")
    return [Person(str(_address(written, label)), name) for written, name in found]


def domains(text: str) -> list[Domain]:
    """The domains of addresses that are being typed; what is none yet is left out."""
    found = []
    for written, _ in _typed(text):
        with suppress(AddressError):
            found.append(Address.parse(written).domain)
    return found


def sender(text: str) -> Address:
    """The address to write from. Raises Invalid."""
    return _address(text, "From")


def composed(
    writing: Writing,
    person: Person,
    *,
    date: str,
    message_id: str,
    files: Sequence[Attachment],
    html: str = "",
    images: Sequence[Attachment] = (),
) -> bytes:
    """The octets of a message, which says the same as HTML too if it is given. Raises Invalid."""
    more = [
        (name, value)
        for name, value in (
            ("In-Reply-To", writing.in_reply_to),
            ("References", writing.references),
        )
        if value
    ]
    return compose.compose(
        Draft(
            sender=person,
            to=people(writing.to, "To"),
            cc=people(writing.cc, "Cc"),
            bcc=people(writing.bcc, "Bcc"),
            subject=writing.subject,
            text=writing.text,
            date=date,
            message_id=message_id,
            more=more,
            attachments=files,
            html=html,
            images=images,
        )
    )


def recipients(writing: Writing) -> list[Address]:
    """Whom it goes to, each once. Raises Invalid when that is nobody."""
    found = [
        Address.parse(one.address)
        for text, label in ((writing.to, "To"), (writing.cc, "Cc"), (writing.bcc, "Bcc"))
        for one in people(text, label)
    ]
    if not found:
        raise Invalid("the message has no recipient: write an address into To, Cc or Bcc")
    return list(dict.fromkeys(found))


def _typed(text: str) -> list[tuple[str, str]]:
    """Addresses and names, as they stand there."""
    octets = text.replace("\r", " ").replace("\n", " ").replace(";", ",").encode("utf-8", "replace")
    return [
        (
            decode(one.local) + (f"@{decode(one.domain)}" if one.domain else ""),
            decode_words(one.name),
        )
        for one in mailboxes(parse(octets, MAX_PEOPLE))
    ]


def _address(text: str, label: str) -> Address:
    try:
        return Address.parse(text)
    except AddressError as error:
        raise Invalid(f"{label}: {text}: {error}") from None


def _marked(mark: str, known: tuple[str, ...], subject: str) -> str:
    return subject if subject.lower().startswith(known) else mark + subject


def _thread(found: Message) -> str:
    """References of what follows a message: all of before, and itself (RFC 5322 §3.6.4)."""
    ids = [one for one in (*found.references.split(), found.message_id) if one]
    return " ".join(ids if len(ids) <= MAX_IDS else [ids[0], *ids[1 - MAX_IDS :]])


def _reached(found: Message, own: Collection[str]) -> str:
    """Which of the writer's addresses the message came to, "" for none that is named."""
    named = {one.address.casefold() for one in (*found.to, *found.cc)}
    return next((one for one in own if one.casefold() in named), "")


def _written(
    some: Sequence[Contact], without: Collection[str] = (), *, keep: Sequence[Contact] = ()
) -> str:
    chosen = {
        one.address.casefold(): one
        for one in reversed(some)
        if one in keep or one.address.casefold() not in without
    }
    return ", ".join([str(one) for one in reversed(chosen.values())])


def _quoted(found: Message) -> str:
    who = found.author[0].name or found.author[0].address if found.author else "somebody"
    when = (found.sent or found.received).strftime("%Y-%m-%d %H:%M")
    lines = found.text.rstrip().splitlines()
    quoted = "\n".join(
        [f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines]
    )
    return f"\n\nOn {when} (UTC) {who} wrote:\n{quoted}\n"


def _forwarded(found: Message, *, with_text: bool) -> str:
    lines = [
        f"From: {', '.join(map(str, found.author))}",
        f"Date: {(found.sent or found.received).strftime('%Y-%m-%d %H:%M')} (UTC)",
        f"Subject: {found.subject}",
        f"To: {', '.join(map(str, found.to))}",
    ]
    if found.cc:
        lines.append(f"Cc: {', '.join(map(str, found.cc))}")
    head = "\n".join(lines)
    begun = f"\n\n---------- Forwarded message ----------\n{head}\n"
    return f"{begun}\n{found.text}" if with_text else begun
