"""The keywords of a mailbox that a session has heard of.

Flags of messages name only such: what is new to a client is told by FLAGS first (RFC 3501
§7.2.6). Keywords are the same in any case; the spelling that came first is kept.
"""

from collections.abc import Iterable, Iterator
from typing import Final

MAX_TEXTS: Final = 1000  # texts that are known at once, so that they are not looked at again


class Keywords:
    """In the order in which they were learnt."""

    __slots__ = ("_texts", "_words")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._words: dict[str, str] = {}
        self._texts = {""}
        self.learn(texts)

    def learn(self, texts: Iterable[str]) -> None:
        """Take in what is new in these: each the keywords of a message, parted by blanks."""
        fresh = set(texts) - self._texts
        if not fresh:
            return
        if len(self._texts) + len(fresh) <= MAX_TEXTS:
            self._texts |= fresh
        for text in sorted(fresh):
            for word in text.split():
                self._words.setdefault(word.casefold(), word)

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words.values())
