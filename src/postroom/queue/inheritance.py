"""What a process of this data folder had claimed when it died, for the next one there.

On a database of several servers a claim lasts until its lease has run out, as nobody knows whether
a silent server is dead. Of one that had this data folder the next one knows it, by the locks there:
what it had claimed is due again at once.
"""

from collections.abc import Callable
from pathlib import Path

from postroom.db.database import Database, Tx
from postroom.db.node import CARRIER_NOTE, NOTE, is_unchanged, noted
from postroom.queue import claims


async def give_back(db: Database, folder: Path, clock: Callable[[], int]) -> None:
    """Before the own number is taken: end the claims of those who left notes here (``db.node``).

    Those whose number somebody else has meanwhile are left to run out.
    """
    for found in (noted(folder / NOTE), noted(folder / CARRIER_NOTE)):
        if found is None:
            continue
        number, epoch = found

        def write(tx: Tx, number: int = number, epoch: int = epoch) -> None:
            if is_unchanged(tx, number, epoch):
                claims.inherit(tx, clock(), (), number)

        await db.write(write)
