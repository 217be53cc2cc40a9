"""From what a person asks for to what is said: scripts and refusals, with their codes.

RFC 5804 §1.3 (response codes) and §2.
"""

from postroom.access.scripts import Scripts
from postroom.directory.scripts import TooLarge, TooMany
from postroom.errors import AlreadyExists, MailError, NotAllowed, NotFound, Refused
from postroom.protocol.managesieve import commands as c
from postroom.protocol.managesieve.session import Session

_CODES = (
    (TooMany, b"QUOTA/MAXSCRIPTS"),
    (TooLarge, b"QUOTA/MAXSIZE"),
    (NotFound, b"NONEXISTENT"),
    (AlreadyExists, b"ALREADYEXISTS"),
    (NotAllowed, b"ACTIVE"),
)


async def answer(session: Session, scripts: Scripts, account_id: int, command: c.Command) -> None:
    """Do what the command says, for this account, and say what came of it."""
    try:
        await _do(session, scripts, account_id, command)
    except Refused as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), b"")
        session.no(str(error), code)
    except MailError as error:
        session.no(error.text, b"TRYLATER")


async def _do(session: Session, scripts: Scripts, account_id: int, command: c.Command) -> None:
    match command:
        case c.Plain():
            found = await scripts.of(account_id)
            session.listed((one.name, one.is_active) for one in found)
        case c.GetScript(name):
            session.content((await scripts.text(account_id, name)).encode())
        case c.PutScript(name, content, size):
            _warned(session, await scripts.put(account_id, name, _kept(scripts, content, size)))
        case c.CheckScript(content, size):
            _warned(session, await scripts.check(account_id, _kept(scripts, content, size)))
        case _:
            await _change(scripts, account_id, command)
            session.ok()


async def _change(scripts: Scripts, account_id: int, command: c.Command) -> None:
    match command:
        case c.HaveSpace(name, size):
            await scripts.check_room(account_id, name, size)
        case c.SetActive(""):
            await scripts.deactivate(account_id)
        case c.SetActive(name):
            await scripts.activate(account_id, name)
        case c.DeleteScript(name):
            await scripts.remove(account_id, name)
        case c.RenameScript(old, new):
            await scripts.rename(account_id, old, new)
        case _:
            raise AssertionError("the session answers it, or the door")


def _kept(scripts: Scripts, content: bytes | None, size: int) -> bytes:
    if content is None:
        raise TooLarge(f"the script has {size} octets; at most {scripts.room.octets} are allowed")
    return content


def _warned(session: Session, warnings: tuple[str, ...]) -> None:
    session.ok("\n".join(warnings), b"WARNINGS" if warnings else b"")
