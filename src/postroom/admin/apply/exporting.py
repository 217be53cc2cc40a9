"""What is set up here as a file or as JSON, written some at a time."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from postroom.admin.apply import inventory, manifest
from postroom.admin.apply.items import Manifest
from postroom.admin.office import Office

_NOTE: Final = """\
# What is set up on this server, without its mail and its settings. It is brought back, here or on
# another server, with: postroom apply FILE
#
# Left out always: app passwords, second factors and passkeys, tokens of the API, certificates,
# what was learned or counted, what bans were earned.
"""
_WITHOUT: Final = """\
# Left out here, and written by --with-secrets: what recognises passwords, keys of DKIM, passwords
# of relays and of accounts elsewhere that mail is fetched from, secrets of webhooks, DNS providers.
"""
_WITH: Final = """\
# This file holds secrets: who has it can sign and send mail as this server. Keep it safe.
"""


async def written(office: Office, *, with_secrets: bool) -> AsyncIterator[str]:
    """Pieces of the file; never more than some accounts are in memory."""
    yield _NOTE + (_WITH if with_secrets else _WITHOUT)
    rest = await inventory.besides_people(office, with_secrets=with_secrets)
    for kind in Manifest.__struct_fields__:
        if kind == "account":
            async for some in inventory.people(office, with_secrets=with_secrets):
                yield "".join([manifest.table(kind, one) for one in some])
        else:
            for item in getattr(rest, kind) or ():
                yield manifest.table(kind, item)


async def encoded(office: Office) -> AsyncIterator[bytes]:
    """Pieces of the ``Manifest`` in JSON, without secrets; never more than some accounts."""
    rest = await inventory.besides_people(office)
    mark = b"{"
    for kind in Manifest.__struct_fields__:
        yield mark + msgspec.json.encode(kind) + b":"
        mark = b","
        if kind != "account":
            yield msgspec.json.encode(getattr(rest, kind))
            continue
        start = b"["
        async for some in inventory.people(office, with_secrets=False):
            yield start + msgspec.json.encode(some)[1:-1]
            start = b","
        yield b"]" if start == b"," else b"[]"
    yield b"}"
