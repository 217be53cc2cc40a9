"""The API: the spam filter."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from postroom.admin import spam
from postroom.admin.mailboxes import digest
from postroom.admin.mailboxes.digest import Choice, DigestView
from postroom.admin.moving import letterbox
from postroom.admin.spam import Status, Trained
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun
from postroom.web.api.upload import Upload

NOUN: Final = Noun("spam", "spam", "The spam filter: what it has learned, and teaching it.")


class Lesson(Input, frozen=True, kw_only=True):
    """What a message is."""

    kind: Annotated[Literal["spam", "ham"], Meta(description="Ham is what is no spam.")]


class Level(Input, frozen=True, kw_only=True):
    """How strict the filter is: off, normal, ..."""

    level: str


class HowOften(Input, frozen=True, kw_only=True):
    """How often somebody is told."""

    often: Choice


@NOUN.on("GET", "/spam")
async def status(call: Call) -> Status:
    """Tell what the filter has learned for everybody."""
    return await spam.status(call.office)


@NOUN.on("POST", "/spam/train", uploads=["message/rfc822"])
async def train(call: Call, query: Lesson, upload: Upload) -> Trained:
    """Learn a message for everybody."""
    return await _learned(call, "", query, upload)


@NOUN.on("GET", "/accounts/{address}/spam")
async def status_of(call: Call, address: str) -> Status:
    """Tell what the filter has learned for an account."""
    return await spam.status(call.office, address)


@NOUN.on("POST", "/accounts/{address}/spam/train", uploads=["message/rfc822"])
async def train_for(call: Call, address: str, query: Lesson, upload: Upload) -> Trained:
    """Learn a message for an account."""
    return await _learned(call, address, query, upload)


@NOUN.on("PUT", "/accounts/{address}/spam/level")
async def set_level(call: Call, address: str, body: Level) -> Status:
    """Say how strict the filter is with mail for an account."""
    return await spam.set_level(call.office, address, body.level)


@NOUN.on("GET", "/accounts/{address}/digest")
async def digest_of(call: Call, address: str) -> DigestView:
    """Tell how often somebody gets a letter of what was refused and what came into Junk."""
    return await digest.show(call.office, address)


@NOUN.on("PUT", "/accounts/{address}/digest")
async def set_digest(call: Call, address: str, body: HowOften) -> DigestView:
    """Write such a letter daily, weekly, never, or as the settings say (usual)."""
    return await digest.choose(call.office, address, body.often)


async def _learned(call: Call, address: str, query: Lesson, upload: Upload) -> Trained:
    octets = bytearray()
    async for piece in upload.pieces():
        octets += piece[: letterbox.MOST - len(octets)]
    letters = [bytes(octets)]
    if query.kind == "spam":
        return await spam.train(call.office, address, spam=letters)
    return await spam.train(call.office, address, ham=letters)
