"""Commands that are legal in any state, and IDLE (RFC 3501 §6.1, RFC 2177, RFC 2971, RFC 5255)."""

from typing import Final

from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.events import IdleDone
from postroom.protocol.imap.responses import id_line, language_line, status_line

LANGUAGES: Final = ("en", "i-default")


async def capability(talk: Conversation, _: c.Capability) -> None:
    """CAPABILITY, RFC 3501 §6.1.1."""
    talk.session.untagged(b"* CAPABILITY " + talk.session.capabilities + b"\r\n")
    talk.session.finish("OK", "Done")


async def noop(talk: Conversation, _: c.Noop) -> None:
    """NOOP, RFC 3501 §6.1.2: the client wants to hear what is new."""
    await talk.report(always=True)
    talk.session.finish("OK", "Done")


async def logout(talk: Conversation, _: c.Logout) -> None:
    """LOGOUT, RFC 3501 §6.1.3."""
    await talk.deselect()
    talk.session.untagged(status_line(b"*", "BYE", "Logging out"))
    talk.session.finish("OK", "Done")


async def identify(talk: Conversation, _: c.Id) -> None:
    """ID, RFC 2971: a name, and no version for strangers."""
    talk.session.untagged(id_line([("name", "Postroom")]))
    talk.session.finish("OK", "Done")


async def language(talk: Conversation, command: c.Language) -> None:
    """LANGUAGE, RFC 5255 §3.2: texts are English, "i-default" is the same."""
    if not command.ranges:
        talk.session.untagged(language_line(LANGUAGES))
        talk.session.finish("OK", "Done")
        return
    for wanted in command.ranges:
        name = "i-default" if wanted.lower() == "default" else wanted.lower()
        found = next((known for known in LANGUAGES if name in (known, "*")), None)
        if found is not None:
            talk.session.untagged(language_line([found]))
            talk.session.finish("OK", "Done")
            return
    talk.session.finish("NO", "None of these languages is here, there is English only")


async def idle(talk: Conversation, _: c.Idle) -> None:
    """IDLE, RFC 2177: tell what is new, then whenever something is."""
    talk.session.start_idle()
    await talk.report(always=True)
    talk.is_idling = True


async def idle_done(talk: Conversation, event: IdleDone) -> None:
    """The client wants to speak again."""
    talk.is_idling = False
    await talk.report()
    if event.is_clean:
        talk.session.finish("OK", "Idle ended")
    else:
        talk.session.finish("BAD", "Expected DONE")


HANDLERS: Final[Handlers] = {
    c.Capability: capability,
    c.Id: identify,
    c.Idle: idle,
    c.Language: language,
    c.Logout: logout,
    c.Noop: noop,
    IdleDone: idle_done,
}
