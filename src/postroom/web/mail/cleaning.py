"""HTML of strangers is read in a process of its own, which may take only so much.

To build the tree of a document the way browsers do takes time that grows with the square of its
depth: a few hundred KiB of ``<div>`` take minutes, in which nobody else would be served; and a few
hundred ``<b>`` come again in each paragraph, which makes a gigabyte of 30 KiB. So what has many
tags is cleaned by a child with limits of its time and memory; where it does not come to an end, its
text is shown as plain text.

    document = await cleaning.document(texts, images)
"""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from postroom.message.htmltext import html_text
from postroom.web.mail import markup

FEW: Final = 500  # tags that are read here: however they stand, it takes milliseconds
CPU_SECONDS: Final = 3
_SECONDS: Final = 20.0  # on a machine that has much else to do
MAX_DOCUMENT: Final = 16 << 20  # octets: all that is said and its images are less
_MEMORY: Final = 512 << 20
_AT_ONCE: Final = 2

_waiting = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="html")


class Work(msgspec.Struct, frozen=True):
    """What the child is told."""

    texts: Sequence[str]
    images: Mapping[str, markup.Image]


async def document(
    texts: Sequence[str], images: Mapping[str, markup.Image], *, cpu_seconds: int = CPU_SECONDS
) -> str:
    """One document of these texts, as ``markup.document`` makes it."""
    if sum(text.count("<") for text in texts) <= FEW:
        return await asyncio.to_thread(markup.document, texts, images)
    loop = asyncio.get_running_loop()
    made = await loop.run_in_executor(_waiting, _ask, Work(texts, images), cpu_seconds)
    if made is None:
        made = await asyncio.to_thread(_plain, texts)
    return made


def _ask(work: Work, cpu_seconds: int) -> str | None:
    """What the child makes of it; None when it comes to no end."""
    try:
        done = subprocess.run(  # noqa: S603 - this program
            [sys.executable, "-m", "postroom.web.mail.cleaning", str(cpu_seconds)],
            input=msgspec.json.encode(work),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode() if done.returncode == 0 else None


def _plain(texts: Sequence[str]) -> str:
    return markup.document([markup.preformatted(html_text(text)) for text in texts], {})


def main() -> None:
    """The child: limits first, then the work."""
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    made = markup.document(work.texts, work.images).encode()
    if len(made) > MAX_DOCUMENT:
        sys.exit(1)
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
