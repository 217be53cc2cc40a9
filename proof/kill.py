"""kill -9 under load: nothing acknowledged may be missing, damaged or refused yet there."""

import random
import shutil
import tempfile
import time
from pathlib import Path

from rig.load import Journal, Load, Verdict, compare, stored
from rig.server import DOMAIN, Server

PASSWORD = "kill-proof-password"


def prove(*, kills: int, letters: int, seconds: float, connections: int = 12) -> bool:
    """Kill at least ``kills`` times and until ``letters`` are acknowledged.

    Ends early when ``seconds`` are over, and says so: then it has not proved it.
    """
    folder = Path(tempfile.mkdtemp(prefix="postroom-kill-"))
    server = Server(folder, settings="[limits]\nmax_connections_per_ip = 1000")
    server.add_account(f"alice@{DOMAIN}", PASSWORD)
    journal = Journal()
    load = Load(server.ports["smtp"], f"alice@{DOMAIN}", connections=connections, journal=journal)
    chance = random.Random(5321)
    began = time.monotonic()
    done = 0
    slowest = server.start()
    load.start()
    while done < kills or len(journal.acknowledged) < letters:
        if time.monotonic() > began + seconds:
            break
        time.sleep(chance.uniform(0.05, 0.7))
        server.kill()
        done += 1
        slowest = max(slowest, server.start())
    load.stop()
    verdict = compare(journal, stored(server.ports["imap"], f"alice@{DOMAIN}", PASSWORD))
    is_sound = server.is_sound()
    server.stop()
    print(f"kill: {done} kills, {verdict}; slowest start {slowest:.2f} s")
    enough = done >= kills and verdict.acknowledged >= letters
    return _judge(verdict, folder, is_sound=is_sound, enough=enough)


def _judge(verdict: Verdict, folder: Path, *, is_sound: bool, enough: bool) -> bool:
    good = verdict.good and is_sound
    if good:
        shutil.rmtree(folder)
    else:
        print(f"kill: the data folder is kept for study: {folder}")
    if not enough:
        print("kill: the time was over before the goal was reached (give more with TIME=)")
    return good and enough
