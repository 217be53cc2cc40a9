"""A provider on loopback that takes mail from whoever logs in; in a thread, for commands."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from rig.smtp import HOST, SmtpServer
from tests import certificates

LOGIN, PASSWORD = "me@provider.test", "secret-App-1"


@contextlib.contextmanager
def smarthost() -> Iterator[SmtpServer]:
    """It offers STARTTLS, and wants a login."""
    server = SmtpServer(tls=certificates.server(HOST), users={LOGIN: PASSWORD}, must_log_in=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
