"""Whom a person writes to: the people of what was sent lately, the most frequent first."""

from collections import Counter
from typing import Final

from postroom.access import fetch, loading
from postroom.errors import NotAllowed, NotFound
from postroom.message import headers
from postroom.protocol.imap.fetch import Section
from postroom.web.mail.contacts import contacts
from postroom.web.mail.reader import SENT, Reader

LATEST: Final = 200  # sent messages that are looked at
MOST: Final = 200  # people

_FIELDS: Final = (b"to", b"cc", b"bcc")


async def known(reader: Reader) -> list[str]:
    """Addresses with names, as they are written into To."""
    folder = await reader.by_use(SENT)
    if folder is None:
        return []
    try:
        view = await reader.view(folder.name)
    except (NotFound, NotAllowed):  # deleted meanwhile
        return []
    counted, written = Counter[str](), dict[str, str]()
    chosen = [(uid, uid) for uid in view.numbering.uids[-LATEST:]]
    async for page in loading.rows(view, chosen, need=frozenset({"head"})):
        for row in page:
            head = await fetch.section(row, Section((), "HEADER")) or b""
            found = headers.collect(head, frozenset(_FIELDS))
            for one in contacts([value for name in _FIELDS for value in found.get(name, [])]):
                if "@" in one.address:
                    counted[one.address.casefold()] += 1
                    written[one.address.casefold()] = str(one)
    return [written[address] for address, _ in counted.most_common(MOST)]
