"""``make proof``: the crash, fault and fuzz rigs. Exit 0 only when each one proved its point.

python -m proof.run [--time SECONDS] [--rig kill|mailboxes|deliver|postgres|powercut|syscalls|fuzz ...]
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from proof import deliver, kill, mailboxes, postgres, powercut, syscalls
from rig import postgresql


def main() -> int:
    """Run the rigs one after the other; each gets its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", type=float, default=600, help="seconds for all of them")
    parser.add_argument("--rig", action="append", choices=sorted(_RIGS), help="only these")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--letters", type=int, default=5000)
    parser.add_argument("--cuts", type=int, default=10)
    chosen = parser.parse_args()
    rigs = chosen.rig or list(_RIGS)
    failed = [name for name in rigs if not _RIGS[name](chosen, chosen.time / len(rigs))]
    print("proof: " + (f"NOT proved: {', '.join(failed)}" if failed else "all proved"))
    return 1 if failed else 0


def _kill(chosen: argparse.Namespace, seconds: float) -> bool:
    return kill.prove(kills=chosen.kills, letters=chosen.letters, seconds=seconds)


def _mailboxes(chosen: argparse.Namespace, seconds: float) -> bool:
    return _on_both("mailboxes", partial(mailboxes.prove, kills=chosen.kills), seconds)


def _deliver(chosen: argparse.Namespace, seconds: float) -> bool:
    prove = partial(deliver.prove, kills=chosen.kills, letters=chosen.letters)
    return _on_both("deliver", prove, seconds)


def _on_both(name: str, prove: Callable[..., bool], seconds: float) -> bool:
    """On SQLite, and on PostgreSQL where it is installed."""
    if not postgresql.programs():
        print(f"{name}: not run on PostgreSQL, it is missing ({postgresql.APT_LINE})")
        return prove(seconds=seconds)
    is_good = prove(seconds=seconds / 2)
    print(f"{name}: now on PostgreSQL")
    with postgresql.PostgreSQL() as database:
        return prove(seconds=seconds / 2, database=database.url) and is_good


def _postgres(chosen: argparse.Namespace, seconds: float) -> bool:
    return postgres.prove(crashes=chosen.kills, letters=chosen.letters, seconds=seconds)


def _powercut(chosen: argparse.Namespace, seconds: float) -> bool:
    results = [
        powercut.prove(kind, cuts=chosen.cuts, seconds=seconds / 2) for kind in ("ext4", "xfs")
    ]
    return all(results)


def _syscalls(_chosen: argparse.Namespace, seconds: float) -> bool:
    return syscalls.prove(seconds=seconds)


def _fuzz(_chosen: argparse.Namespace, seconds: float) -> bool:
    """The properties of the tests with many more examples, until the time is over."""
    environment = dict(os.environ, POSTROOM_EXAMPLES="proof")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "hypothesis", "tests"]
    try:
        done = subprocess.run(command, env=environment, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        print(f"fuzz: no failure in {seconds:.0f} s (the time was over before the end)")
        return True
    return done.returncode == 0


_RIGS = {
    "kill": _kill,
    "mailboxes": _mailboxes,
    "deliver": _deliver,
    "postgres": _postgres,
    "powercut": _powercut,
    "syscalls": _syscalls,
    "fuzz": _fuzz,
}

if __name__ == "__main__":
    sys.exit(main())
