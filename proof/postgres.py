"""PostgreSQL under load: kill -9 of the server, an immediate stop of PostgreSQL, by turns.

Nothing acknowledged may be missing, damaged or refused yet there. The server is started
again only after its own death; a death of PostgreSQL it must live through.
"""

import random
import shutil
import tempfile
import time
from pathlib import Path

from rig import postgresql
from rig.load import Journal, Load, Verdict, compare, stored
from rig.server import DOMAIN, Server

PASSWORD = "postgres-proof-password"


def prove(*, crashes: int, letters: int, seconds: float, connections: int = 12) -> bool:
    """Crash at least ``crashes`` times and until ``letters`` are acknowledged.

    Ends early when ``seconds`` are over, and says so: then it has not proved it.
    """
    if not postgresql.programs():
        print(f"postgres: not run, PostgreSQL is missing ({postgresql.APT_LINE})")
        return False
    folder = Path(tempfile.mkdtemp(prefix="postroom-postgres-"))
    with postgresql.PostgreSQL() as database:
        server = Server(
            folder, settings="[limits]\nmax_connections_per_ip = 1000", database=database.url
        )
        server.add_account(f"alice@{DOMAIN}", PASSWORD)
        journal = Journal()
        load = Load(
            server.ports["smtp"], f"alice@{DOMAIN}", connections=connections, journal=journal
        )
        chance = random.Random(5321)
        began = time.monotonic()
        kills = stops = 0
        server.start()
        load.start()
        while kills + stops < crashes or len(journal.acknowledged) < letters:
            if time.monotonic() > began + seconds:
                break
            time.sleep(chance.uniform(0.05, 1.0))
            if chance.random() < 0.5:
                server.kill()
                server.start()
                kills += 1
            else:
                database.stop()
                database.start()
                stops += 1
        load.stop()
        verdict = compare(journal, stored(server.ports["imap"], f"alice@{DOMAIN}", PASSWORD))
        is_sound = server.is_sound()
        server.stop()
    print(f"postgres: {kills} kills of the server, {stops} stops of PostgreSQL, {verdict}")
    enough = kills + stops >= crashes and verdict.acknowledged >= letters
    return _judge(verdict, folder, is_sound=is_sound, enough=enough)


def _judge(verdict: Verdict, folder: Path, *, is_sound: bool, enough: bool) -> bool:
    good = verdict.good and is_sound
    if good:
        shutil.rmtree(folder)
    else:
        print(f"postgres: the log of the server is kept for study: {folder}")
    if not enough:
        print("postgres: the time was over before the goal was reached (give more with TIME=)")
    return good and enough
