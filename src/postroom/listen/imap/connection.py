"""Commands about the connection itself: COMPRESS (RFC 4978), UNAUTHENTICATE (RFC 8437).

Where octets mean something else after the answer, nothing may follow in the same breath: what
came would have been read in the wrong way. So the connection ends instead, as it does for
STARTTLS. UNAUTHENTICATE without compression may be followed by the next login at once.
"""

from typing import Final

from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap import commands as c


async def compress(talk: Conversation, command: c.Compress) -> None:
    """COMPRESS: the tagged OK is the last that goes out as it is."""
    if talk.wire.is_compressed:
        talk.session.finish("NO", "The connection is compressed already", b"COMPRESSIONACTIVE")
    elif command.mechanism != b"DEFLATE":
        talk.session.finish("NO", "There is only DEFLATE", b"CANNOT")
    elif not _is_alone(talk):
        return
    else:
        talk.session.finish("OK", "Compression begins")
        await talk.flush()
        talk.wire.compress()


async def unauthenticate(talk: Conversation, _: c.Unauthenticate) -> None:
    """UNAUTHENTICATE: whoever logs in next begins anew; TLS stays, compression ends."""
    if talk.wire.is_compressed and not _is_alone(talk):
        return
    await talk.close()
    talk.session.finish("OK", "Nobody is logged in now")
    await talk.flush()
    if talk.wire.is_compressed:
        talk.wire.decompress()


def _is_alone(talk: Conversation) -> bool:
    if not talk.session.buffered:
        return True
    talk.session.finish("BAD", "Nothing may follow this command before its answer")
    talk.session.bye("Try again without pipelining", b"ALERT")
    return False


HANDLERS: Final[Handlers] = {
    c.Compress: compress,
    c.Unauthenticate: unauthenticate,
}
