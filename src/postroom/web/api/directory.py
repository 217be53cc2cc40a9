"""The API: everything that is set up here, as one document, both ways."""

import asyncio
from typing import Annotated, Final

from msgspec import Meta

from postroom.admin.apply import applying, exporting, manifest
from postroom.admin.apply.applying import Applied
from postroom.admin.apply.items import Manifest
from postroom.admin.apply.manifest import Places
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Streamed
from postroom.web.api.upload import Upload

NOUN: Final = Noun("directory", "admin", "Everything that is set up here, as one document.")
_BODY: Final = "the document"


class How(Input, frozen=True, kw_only=True):
    """How far it goes."""

    dry: Annotated[bool, Meta(description="Only tell what would be done.")] = False
    prune: Annotated[bool, Meta(description="Remove what the document does not name.")] = False


@NOUN.on("GET", "/directory", scope="admin")
async def export(call: Call) -> Streamed[Manifest]:
    """Tell everything that is set up, without secrets; those only `postroom export` tells."""
    return Streamed(exporting.encoded(call.office))


@NOUN.on("POST", "/directory", scope="admin", uploads=["application/toml"])
async def apply(call: Call, query: How, body: Manifest | None, upload: Upload | None) -> Applied:
    """Make it as the document says, step by step; what it leaves out stays as it is.

    As JSON, or as TOML (application/toml), which is what `postroom export` prints. All is tried on
    a copy first: with any fault nothing is changed, and `faults` of the problem are all of them,
    each with its place. `next` is what there is left to do by hand.
    """
    if upload is None:
        wanted, places = body or Manifest(), None
    else:
        wanted, places = await asyncio.to_thread(_read, await upload.read())
    return await applying.apply(
        call.office, wanted, prune=query.prune, dry=query.dry, places=places
    )


def _read(octets: bytes) -> tuple[Manifest, Places]:
    text = manifest.decoded(octets, _BODY)
    return manifest.read(text, _BODY), Places(text, _BODY)
