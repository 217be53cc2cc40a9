"""What runs on every letter that arrives for an account: its rules, its script, its vacation.

In this order: the active script of the site, the rules one after the other, then the account's
active script, unless one before has said stop. Rules are Sieve that begins and ends in an include
of the scripts, so it is one run. The vacation is a run of its own afterwards, see ``Filter``.
"""

from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.directory import rules, scripts, sieve_text, vacations
from postroom.sieve.actions import FileInto, Keep, Outcome, Redirect, Reject, Vacation
from postroom.sieve.compiler import compile_script
from postroom.sieve.problems import ScriptError
from postroom.sieve.script import Script

MAX_OCTETS: Final = 2 * 1024 * 1024  # of the texts of what is remembered compiled, in all
_LEAST: Final = 64  # what an account without a filter counts


class Filter(msgspec.Struct, frozen=True):
    """``name`` is that of the account's active script, "" where it has none.

    ``script`` runs first, then ``vacation`` if ``may_answer`` to what that came to; of the
    vacation's own outcome only a Vacation counts, not its implicit keep. ``octets`` are those of
    the texts.
    """

    name: str
    script: Script | None
    vacation: Script | None
    octets: int


def of(tx: Tx, account_id: int) -> Filter | None:
    """The filter of an account; None for most accounts."""
    row = tx.one(
        "SELECT EXISTS (SELECT 1 FROM script WHERE account_id IN (:account, :site)"
        " AND active = 1) OR EXISTS (SELECT 1 FROM rule WHERE account_id = :account)"
        " OR EXISTS (SELECT 1 FROM vacation WHERE account_id = :account)",
        account=account_id,
        site=scripts.SITE,
    )
    if row is None or not row[0]:
        return None
    site, of_site = scripts.active(tx, scripts.SITE) or ("", "")
    name, text = scripts.active(tx, account_id) or ("", "")
    found, away = rules.of(tx, account_id), vacations.of(tx, account_id)
    octets = len(text) + len(of_site)
    is_alone = not found and bool(name) is not bool(site)
    script = _compiled(text or of_site) if is_alone else None
    if script is None and (name or site or found):
        # A script that does not compile any more errs when it is included, like any other.
        made = sieve_text.rules_text(found, name or None, site or None)
        octets += len(made)
        script = _compiled(made)
    vacation = None
    if away is not None:
        made = sieve_text.vacation_text(away)
        octets += len(made)
        vacation = _compiled(made)
    return Filter(name, script, vacation, octets)


class Included(msgspec.Struct, frozen=True):
    """A script that another one includes: an answer to ``sieve.questions.ScriptText``.

    Its octets where it does not compile: whoever runs it tells what is wrong.
    """

    script: Script | bytes | None
    octets: int


def included(tx: Tx, key: tuple[int, str]) -> Included:
    """The script of this name of an account, or of the site (``SITE``)."""
    text = scripts.find(tx, *key)
    if text is None:
        return Included(None, 0)
    octets = text.encode()
    return Included(_compiled(text) or octets, len(octets))


def may_answer(outcome: Outcome) -> bool:
    """Whether the vacation of the settings runs after a script that came to this."""
    if outcome.error is not None:
        return False
    if any(isinstance(action, Reject | Vacation) for action in outcome.actions):
        return False
    return any(isinstance(action, Keep | FileInto | Redirect) for action in outcome.actions)


def weight(found: Filter | Included | None) -> int:
    """What it counts among the remembered."""
    return _LEAST if found is None else _LEAST + found.octets


def _compiled(text: str) -> Script | None:
    try:
        return compile_script(text.encode())
    except ScriptError:
        return None
