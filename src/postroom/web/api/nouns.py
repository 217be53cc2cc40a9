"""All nouns of the API, in the order of the documents."""

from collections.abc import Iterator
from typing import Final

from postroom.web.api import (
    accounts,
    aliases,
    audit,
    backup_domains,
    directory,
    domains,
    filters,
    lists,
    masks,
    messages,
    passwords,
    queue,
    recovery,
    relays,
    reports,
    retention,
    security,
    senders,
    server,
    shares,
    spam,
    suppressions,
    tokens,
    webhooks,
)
from postroom.web.api.operation import Noun, Operation

ALL: Final[tuple[Noun, ...]] = (
    domains.NOUN,
    backup_domains.NOUN,
    accounts.NOUN,
    passwords.NOUN,
    aliases.NOUN,
    lists.NOUN,
    masks.NOUN,
    retention.NOUN,
    senders.NOUN,
    filters.NOUN,
    shares.NOUN,
    recovery.NOUN,
    messages.NOUN,
    suppressions.NOUN,
    queue.NOUN,
    relays.NOUN,
    security.NOUN,
    spam.NOUN,
    reports.NOUN,
    server.NOUN,
    directory.NOUN,
    audit.NOUN,
    webhooks.NOUN,
    tokens.NOUN,
)


def operations() -> Iterator[Operation]:
    """Every operation."""
    return (operation for noun in ALL for operation in noun.operations)
