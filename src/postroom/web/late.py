"""Routes that are made when somebody first asks for one of them.

A server whose pages or API nobody opens need not hold them in memory: they are several
megabytes of modules and templates.
"""

import asyncio
from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send


class Late:
    """An ASGI application of the routes that ``make`` returns.

    ``make`` is called once, in a thread, for importing takes a tenth of a second and more. When
    it raises, the request fails and the next one tries again.
    """

    def __init__(self, make: Callable[[], Sequence[BaseRoute]]) -> None:
        self._make = make
        self._router: Router | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self._router is None:
            async with self._making:
                if self._router is None:
                    self._router = await asyncio.to_thread(lambda: Router(self._make()))
        await self._router(scope, receive, send)
