"""Rules of accounts, in place of Sieve: rows of ``rule``, run in their order.

A rule has conditions and actions. Values are checked by whoever adds a rule (``admin.filters.rules``);
whatever they hold, they stay values in the script that is made of them (``sieve_text``).
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx
from postroom.errors import Invalid, NotFound

MAX_RULES: Final = 100  # of one account

Field = Literal["from", "to", "subject", "list-id", "header", "size"]
Test = Literal["contains", "is", "matches", "over", "under"]
Kind = Literal["move", "copy", "flag", "forward", "discard", "stop"]


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is looked at and how; ``value`` is octets in decimal where ``field`` is size.

    ``to`` is To and Cc. ``name`` is that of the field where ``field`` is header. ``matches``
    knows "*" and "?". ``negated``: it holds when the test does not.
    """

    field: Field
    test: Test
    value: str
    name: str = ""
    negated: bool = False


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """``value`` is a mailbox, a flag or keyword as IMAP writes it, or an address."""

    kind: Kind
    value: str = ""


class Rule(msgspec.Struct, frozen=True):
    """Without ``conditions`` it holds for every letter."""

    match: Literal["all", "any"]
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]


_DECODER: Final = msgspec.json.Decoder(Rule)


def of(tx: Tx, account_id: int) -> list[Rule]:
    """The rules of an account in their order; the first has number 1."""
    rows = tx.all(
        "SELECT body FROM rule WHERE account_id = :account ORDER BY position", account=account_id
    )
    return [_DECODER.decode(row[0]) for row in rows]


def add(tx: Tx, account_id: int, ident: int, rule: Rule, number: int | None = None) -> int:
    """Put a rule at this number, or last; its number. Raises Invalid and NotFound."""
    idents = _idents(tx, account_id)
    if len(idents) >= MAX_RULES:
        raise Invalid(f"there are {MAX_RULES} rules already, the most allowed; remove one first")
    if number is None:
        number = len(idents) + 1
    elif not 1 <= number <= len(idents) + 1:
        raise _missing(number, len(idents))
    tx.execute(
        "INSERT INTO rule (id, account_id, position, body) VALUES (:id, :account, 0, :body)",
        id=ident,
        account=account_id,
        body=msgspec.json.encode(rule).decode(),
    )
    idents.insert(number - 1, ident)
    _order(tx, idents)
    return number


def move(tx: Tx, account_id: int, number: int, to: int) -> None:
    """Let rule ``number`` be number ``to``; raises NotFound."""
    idents = _idents(tx, account_id)
    for one in (number, to):
        if not 1 <= one <= len(idents):
            raise _missing(one, len(idents))
    idents.insert(to - 1, idents.pop(number - 1))
    _order(tx, idents)


def remove(tx: Tx, account_id: int, number: int) -> None:
    """Delete a rule; raises NotFound."""
    idents = _idents(tx, account_id)
    if not 1 <= number <= len(idents):
        raise _missing(number, len(idents))
    tx.execute("DELETE FROM rule WHERE id = :id", id=idents.pop(number - 1))
    _order(tx, idents)


def _idents(tx: Tx, account_id: int) -> list[int]:
    rows = tx.all(
        "SELECT id FROM rule WHERE account_id = :account ORDER BY position", account=account_id
    )
    return [row[0] for row in rows]


def _order(tx: Tx, idents: Sequence[int]) -> None:
    for position, ident in enumerate(idents, 1):
        tx.execute(
            "UPDATE rule SET position = :position WHERE id = :id AND position <> :position",
            position=position,
            id=ident,
        )


def _missing(number: int, count: int) -> NotFound:
    there = f"they are numbered 1 to {count}" if count else "there are none"
    return NotFound(f"there is no rule {number}; {there}")
