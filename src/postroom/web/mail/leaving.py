"""Leaving a mailing list with one click, where its messages offer it (RFC 8058).

The server of the list is asked, and by us: it learns neither the reader's browser nor their network. Only
messages whose author is proven count, for anybody can write such a field.
"""

import urllib.parse
from typing import Final

from postroom.errors import Refused
from postroom.net.dns import Resolver
from postroom.net.fetch import FetchFailed, Rules, post

WORD: Final = "List-Unsubscribe=One-Click"


async def leave(url: str, resolver: Resolver, rules: Rules) -> str:
    """Leave; the host that has taken it. Raises Refused with what to do instead."""
    host = urllib.parse.urlsplit(url).hostname or url
    try:
        said = await post(
            url, WORD.encode(), resolver, rules, content_type="application/x-www-form-urlencoded"
        )
    except FetchFailed as error:
        reason = error.reason
    else:
        if 200 <= said.status < 300:
            return host
        reason = f"it answers {said.status}"
    raise Refused(
        f"{host} has not taken it: {reason}. Try it again later, or leave the list at its page: {url}"
    )
