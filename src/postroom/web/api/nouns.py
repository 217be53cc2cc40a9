"""All nouns of the API, in the order of the documents."""

from collections.abc import Iterator
from typing import Final

from postroom.web.api import accounts, aliases, domains, passwords, server, tokens
from postroom.web.api.operation import Noun, Operation

ALL: Final[tuple[Noun, ...]] = (
    domains.NOUN,
    accounts.NOUN,
    passwords.NOUN,
    aliases.NOUN,
    server.NOUN,
    tokens.NOUN,
)


def operations() -> Iterator[Operation]:
    """Every operation."""
    return (operation for noun in ALL for operation in noun.operations)
