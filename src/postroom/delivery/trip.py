"""What has come of one way so far: the verdict on it, and what is being written."""

import asyncio

from postroom.delivery.pace import Verdict


class Trip:
    """Messages on their way together."""

    def __init__(self) -> None:
        self.verdict: Verdict = "unused"
        self.reply = ""
        self._writing: list[asyncio.Future[None]] = []

    def saw(self, verdict: Verdict, reply: str) -> None:
        """Something was learnt of the servers there: a trouble counts more than a success."""
        if verdict == "good" and self.verdict != "unused":
            return
        self.verdict = verdict
        self.reply = reply

    def settle(self, writing: "asyncio.Future[None]") -> None:
        """Something is being written."""
        self._writing.append(writing)

    async def settled(self) -> None:
        """Until all of it is durable. Raises what a task raised, when all have ended."""
        writing = set(self._writing)
        if writing:
            # Who is cancelled here cancels none of them: what a server has answered is true.
            await asyncio.wait(writing)
        self._writing = [task for task in self._writing if task not in writing]
        failures = [task.exception() for task in writing]
        for failure in failures:
            if failure is not None:
                raise failure
