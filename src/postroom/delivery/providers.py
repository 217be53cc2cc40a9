"""What large providers want of those who send to them, as data in ``providers.toml``.

Many domains lead to the hosts of one provider, which counts connections over all of them;
so they are limited here by provider, whatever the destination. Idle ones that are kept for the
next message count too, and make room for new ones (``pool``).
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from functools import lru_cache

import msgspec


class Provider(msgspec.Struct, frozen=True):
    """One provider; see the file."""

    name: str
    hosts: tuple[str, ...]
    connections: int
    messages: int
    recipients: int


@lru_cache(maxsize=1)
def providers() -> tuple[Provider, ...]:
    """All providers of ``providers.toml``."""
    import importlib.resources
    import tomllib

    text = importlib.resources.files(__package__).joinpath("providers.toml").read_text("utf-8")
    return tuple(
        msgspec.convert({"name": name, **facts}, Provider)
        for name, facts in tomllib.loads(text).items()
    )


@lru_cache(maxsize=10_000)
def provider_of(host: str) -> Provider | None:
    """Whose host it is."""
    for one in providers():
        if host.endswith(one.hosts):
            return one
    return None


class Slots:
    """How many connections of each provider are in use. Used on one loop."""

    def __init__(self) -> None:
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._taken: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Wait for a free connection to the provider of this host, and hold it."""
        provider = provider_of(host)
        if provider is None:
            yield
            return
        name = provider.name
        async with self._slots.setdefault(name, asyncio.Semaphore(provider.connections)):
            self._taken[name] += 1
            try:
                yield
            finally:
                self._taken[name] -= 1

    def spare(self, provider: Provider) -> int:
        """How many connections it may have besides those in use."""
        return provider.connections - self._taken[provider.name]
