"""Commits one letter and dies at a step: ``python -m tests.post.crash FOLDER STEP``.

Prints "promised" when the commit has returned. Run by test_crashes.
"""

import asyncio
import os
import sys
from pathlib import Path

from postroom.blobs.store import BlobStore
from postroom.db.identity import ids_for
from postroom.db.open import now_ms, open_database
from postroom.notify import Notify
from postroom.post.commit import Post
from postroom.queue.submissions import Wish
from tests.fakes import Clock
from tests.post.office import Office, large, letter


async def main(folder: Path, at: str) -> None:
    def step(name: str) -> None:
        if name == at:
            os._exit(9)

    db = await open_database(folder)
    ids = await ids_for(db, now_ms)
    blobs = BlobStore(folder, db.engine, ids, step=step)
    notify = Notify()
    post = Post(db, blobs, notify, now_ms, step=step)
    place = Office(db, folder, blobs, ids, Clock(now_ms()), notify, post)
    wish = Wish(1, "I1", 7, 8, "{}")
    await post.commit(letter(place, 1, 2, remote=("b@x.test",), blob=await large(place), wish=wish))
    sys.stdout.write("promised\n")
    sys.stdout.flush()
    step("promised")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
