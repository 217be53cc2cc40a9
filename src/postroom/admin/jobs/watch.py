"""How far a job is, and whether it is to stop."""

from postroom.errors import Refused


class Stopped(Refused):
    """The job is to stop, or the server."""


class Watch:
    """How far a job is; told by whoever does it, from any thread."""

    def __init__(self) -> None:
        self.done = 0
        self.total = 0
        self.step = ""
        self.is_over = False

    def show(self, done: int, total: int, step: str = "") -> None:
        """Called between two pieces of work. Raises Stopped."""
        if self.is_over:
            raise Stopped("it was stopped")
        self.done, self.total, self.step = done, total, step
