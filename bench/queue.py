"""A queue of a million recipients: what it costs to start, to accept, and in memory.

The recipients wait at 20,000 domains whose name servers are silent, so delivery tries and
puts off all the time. Told: seconds until 220 and until the first attempt, memory, and the
rate of accepted letters for mailboxes here beside that of the same server with an empty
queue, in one run.

    python -m bench.queue [--recipients 1000000] [--letters 3000]
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.accept import PostroomPeer, measure
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.db.database import Tx
from postroom.queue import rows
from postroom.queue.rows import Outgoing, Queued

EACH: Final = 10  # recipients a letter
DOMAINS: Final = 20_000
CHUNK: Final = 2_000  # letters a transaction
CONNECTIONS: Final = 20
HEAD: Final = b"From: a@load.test\r\nSubject: waiting\r\n\r\n"
BODY: Final = b"x" * 60 + b"\r\n"


async def fill(config: Path, recipients: int) -> None:
    """Letters that wait, due at once."""
    async with open_office(load(config)) as office:
        now = office.now()
        blob = office.blobs.writer().write_small(HEAD, BODY)

        def add(tx: Tx, first: int, count: int) -> None:
            letters, outgoing = [], []
            for number in range(first, first + count):
                ident = office.ids.next()
                letters.append(
                    Queued(
                        id=ident, blob_id=blob.id, sender=b"a@load.test", size=4096, accepted=now
                    )
                )
                for place in range(EACH):
                    domain = f"d{(number * EACH + place) % DOMAINS}.test"
                    outgoing.append(Outgoing(ident, place, f"v@{domain}".encode(), domain))
            rows.add(tx, letters, outgoing)

        await office.db.write(lambda tx: office.blobs.insert(tx, [(blob, recipients // EACH)]))
        for first in range(0, recipients // EACH, CHUNK):
            count = min(CHUNK, recipients // EACH - first)
            await office.db.write(lambda tx, f=first, c=count: add(tx, f, c))  # type: ignore[misc]


def resident(pid: int) -> int:
    """MiB of memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> int:
    """Print the figures; write them to bench/results too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--letters", type=int, default=3_000)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="postroom-bench-queue-"))
    try:
        peer = PostroomPeer(folder, settings='[dns]\nservers = ["127.0.0.1:9"]\n')
        peer.start()
        measure(peer, CONNECTIONS, 500)
        empty = measure(peer, CONNECTIONS, chosen.letters)
        peer.stop()
        began = time.monotonic()
        asyncio.run(fill(folder / "postroom.toml", chosen.recipients))
        filled = time.monotonic() - began
        start = peer.start()
        time.sleep(5)
        measure(peer, CONNECTIONS, 500)
        full = measure(peer, CONNECTIONS, chosen.letters)
        memory = resident(peer.pids()[0])
        peer.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = {
        "recipients": chosen.recipients,
        "fill_seconds": round(filled, 1),
        "start_seconds": round(start, 2),
        "memory_mib": memory,
        "empty_rate": round(empty.rate),
        "full_rate": round(full.rate),
        "ratio": round(full.rate / empty.rate, 2),
    }
    for name, figure in figures.items():
        print(f"{name:16} {figure}")
    results = Path("bench/results")
    results.mkdir(exist_ok=True)
    (results / "queue.json").write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
