"""What runs on every letter that arrives for an account."""

import msgspec

from postroom.db.database import Tx
from postroom.directory import scripts
from postroom.sieve.actions import FileInto, Keep, Outcome, Redirect, Reject, Vacation
from postroom.sieve.compiler import compile_script
from postroom.sieve.problems import ScriptError
from postroom.sieve.script import Script


class Filter(msgspec.Struct, frozen=True):
    """The Sieve ``script`` that runs; ``name`` is what its owner calls it."""

    name: str
    script: Script | None
    vacation: Script | None = None
    octets: int = 0


def of(tx: Tx, account_id: int) -> Filter | None:
    """The filter of an account; None when nothing runs."""
    found = scripts.active(tx, account_id)
    return Filter(found[0], _compiled(found[1]), None, len(found[1])) if found else None


def may_answer(outcome: Outcome) -> bool:
    """Whether the vacation of the settings runs after a script that came to this."""
    if outcome.error is not None:
        return False
    if any(isinstance(action, Reject | Vacation) for action in outcome.actions):
        return False
    return any(isinstance(action, Keep | FileInto | Redirect) for action in outcome.actions)


def included(tx: Tx, key: tuple[int, str]) -> Script | bytes | None:
    """The script of this name of an account, or of the site (``SITE``)."""
    text = scripts.find(tx, *key)
    return None if text is None else _compiled(text) or text.encode()


def _compiled(text: str) -> Script | None:
    try:
        return compile_script(text.encode())
    except ScriptError:
        return None
