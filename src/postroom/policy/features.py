"""What the header of a message and the tree of its parts say, as marks: short words of ours.

Only what its writer chose counts here, and how it is written: no address and no name that
is claimed, nothing of its way to us, no date. RFC 5322 §3.6, RFC 2045, RFC 2183.
"""

import re
from collections.abc import Iterator
from typing import Final

from postroom.message import dates, headers
from postroom.message.addresses import Mailbox, mailboxes, parse
from postroom.message.charset import decode_words, parameter
from postroom.message.part import Fields, Part
from postroom.policy.links import site

MAX_FIELD: Final = 2_000  # octets of a field that are read
MAX_ADDRESSES: Final = 100
MAX_PARTS: Final = 30

FIELDS: Final = frozenset(
    b"from reply-to to cc subject date message-id in-reply-to references x-mailer "
    b"user-agent x-priority importance organization mime-version "
    b"content-type content-transfer-encoding "
    b"list-id list-unsubscribe precedence auto-submitted".split()
)
DANGEROUS: Final = frozenset(
    [
        "ace",
        "bat",
        "chm",
        "cmd",
        "com",
        "cpl",
        "dll",
        "exe",
        "hta",
        "img",
        "iso",
        "jar",
        "js",
        "jse",
        "lnk",
        "msc",
        "msi",
        "pif",
        "ps1",
        "reg",
        "scr",
        "vbe",
        "vbs",
        "vhd",
        "wsf",
    ]
)
_WORDS: Final = re.compile(r"[^\W_]{2,24}")
_LETTERS: Final = re.compile(r"[A-Za-z]+")
_ONCE: Final = (b"from", b"date", b"message-id", b"to", b"subject")
_PRESENT: Final = (b"mime-version", b"list-id", b"list-unsubscribe", b"organization")
_CHOSEN: Final = (b"x-priority", b"importance", b"precedence", b"auto-submitted")
_ANSWERS: Final = frozenset({"re: ", "fw: ", "fwd:", "aw: "})


def values(head: bytes) -> Fields:
    """The fields that are looked at, unfolded."""
    return headers.collect(head, FIELDS)


def first(found: Fields, name: bytes) -> bytes:
    """A field's first value, cut to what is read of it; empty without one."""
    return found.get(name, [b""])[0][:MAX_FIELD]


def subject(found: Fields) -> str:
    """The subject as people see it."""
    return decode_words(first(found, b"subject"))


def author(found: Fields) -> Mailbox | None:
    """The first address in From."""
    return next(iter(mailboxes(parse(first(found, b"from"), 10))), None)


def marks(found: Fields, tree: Part) -> Iterator[str]:
    """Everything that this module notices."""
    yield from _presence(found)
    yield from _people(found)
    yield from _ident(found)
    yield from _subject(subject(found))
    yield from _program(found)
    yield from _parts(tree)


def _presence(found: Fields) -> Iterator[str]:
    for name in _ONCE:
        count = len(found.get(name, ()))
        if count != 1:
            yield f"{'several' if count else 'no'}:{name.decode()}"
    if b"in-reply-to" in found or b"references" in found:
        yield "is:answer"
    for name in _PRESENT:
        if name in found:
            yield f"has:{name.decode()}"
    for name in _CHOSEN:
        if name in found:
            yield f"{name.decode()}:{_text(found[name][0])[:20].lower()}"
    if b"date" in found and dates.read(first(found, b"date")) is None:
        yield "date:malformed"


def _people(found: Fields) -> Iterator[str]:
    one = author(found)
    domain = ""
    if one is None:
        yield "from:nobody"
    else:
        domain = _text(one.domain).lower()
        yield f"from:tld:{domain.rpartition('.')[2][:24]}"
        yield from _name(decode_words(one.name or b""), _text(one.local))
    answers = mailboxes(parse(first(found, b"reply-to"), 10))
    if answers:
        is_same = site(_text(answers[0].domain).lower()) == site(domain)
        yield "reply-to:same" if is_same else "reply-to:elsewhere"
    seen = found.get(b"to", []) + found.get(b"cc", [])
    people = [
        person
        for value in seen[:10]
        for person in mailboxes(parse(value[:MAX_FIELD], MAX_ADDRESSES))
    ]
    yield f"to:{_amount(len(people))}"
    if domain and any(_text(person.domain).lower() == domain for person in people):
        yield "to:own-domain"
    if b"undisclosed" in first(found, b"to").lower():
        yield "to:undisclosed"


def _name(name: str, local: str) -> Iterator[str]:
    """How the author is written, whoever it is."""
    if not name:
        yield "from:no-name"
    if "@" in name:
        yield "from:address-as-name"
    if sum(char.isdigit() for char in local) > 3:
        yield "from:digits"
    if local.isupper():
        yield "from:upper"
    if len(local) > 20:
        yield "from:long"


def _amount(count: int) -> str:
    if count < 3:
        return str(count)
    return "few" if count < 10 else "many"


def _ident(found: Fields) -> Iterator[str]:
    ident = _text(first(found, b"message-id"))
    one = author(found)
    domain = "" if one is None else _text(one.domain).lower()
    host = ident.rpartition("@")[2].strip("<> ").lower()
    if not host:
        yield "id:no-host"
    elif "." not in host:
        yield "id:no-domain"
    elif site(host) == site(domain):
        yield "id:own"
    else:
        yield "id:elsewhere"
    if not ident.startswith("<") or not ident.endswith(">"):
        yield "id:malformed"
    yield "id:shape:" + _shape(ident.strip("<>").rpartition("@")[0])


def _shape(text: str) -> str:
    """Which program made it shows in how it is built: ``20021003.aB7@`` is ``0.aA0``."""
    shape = re.sub(r"[0-9]+", "0", text[:80])
    shape = re.sub(r"[a-z]+", "a", shape)
    return re.sub(r"[A-Z]+", "A", shape)[:12]


def _subject(text: str) -> Iterator[str]:
    letters = "".join(_LETTERS.findall(text))
    if len(letters) > 5 and letters.isupper():
        yield "subject:upper"
    for sign in ("!!", "!", "?", "$"):
        if sign in text:
            yield f"subject:{sign}"
    if "   " in text:
        yield "subject:gap"
    if text[:4].lower() in _ANSWERS:
        yield "subject:re"
    if not text.isascii():
        yield "subject:not-ascii"


def _program(found: Fields) -> Iterator[str]:
    written = first(found, b"x-mailer") or first(found, b"user-agent")
    if not written:
        yield "mailer:none"
    for word in _WORDS.findall(_text(written[:200]).lower())[:4]:
        yield f"mailer:{word}"


def _parts(tree: Part) -> Iterator[str]:
    waiting = [tree]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        kind = "/".join(part.content_type)[:40]
        yield f"type:{kind}"
        if part.encoding not in {"7bit", "8bit"}:
            yield f"encoding:{part.encoding[:20]}:{kind}"
        if part.content_type[0] == "text":
            yield f"charset:{(parameter(part.parameters, 'charset') or 'none').lower()[:20]}"
        yield from _file(file_name(part))
        waiting.extend(reversed(part.children))
        if part.message is not None:
            waiting.append(part.message)


def file_name(part: Part) -> str:
    """What a part is called when it is saved; "" without a name."""
    name = None
    if part.disposition is not None:
        name = parameter(part.disposition[1], "filename")
    return (name or parameter(part.parameters, "name") or "")[:500]


def _file(name: str) -> Iterator[str]:
    if not name:
        return
    ending = name.lower().rpartition(".")[2][:10]
    yield f"attached:{ending}"
    if ending in DANGEROUS:
        yield "attached:program"
        if name.count(".") > 1:
            yield "attached:disguised"


def _text(value: bytes) -> str:
    return value.decode("latin-1")
