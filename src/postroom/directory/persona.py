"""Who an account is to its scripts: its addresses, and how they are read."""

import msgspec

from postroom.db.database import Tx
from postroom.directory import addresses, domains
from postroom.directory.names import DEFAULT


class Persona(msgspec.Struct, frozen=True):
    """``addresses`` of an account, the main one first; ``separators`` of user and detail there."""

    addresses: tuple[str, ...]
    separators: str = DEFAULT.separators


def of(tx: Tx, account_id: int) -> Persona:
    """That of an account; without an address when it is gone."""
    main = addresses.main_of(tx, [account_id]).get(account_id)
    if main is None:
        return Persona(())
    own = domains.target(tx, main.domain)
    others = [str(address) for _, address in addresses.of_account(tx, account_id)]
    separators = DEFAULT.separators if own is None else own.policy.separators
    return Persona(tuple(dict.fromkeys([str(main), *others])), separators)
