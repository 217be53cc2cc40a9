"""Work: how far a long command has come, for whoever wants to tell the client."""


class Work:
    """Messages that are done, and how many there are to do; both only grow."""

    __slots__ = ("done", "goal")

    def __init__(self) -> None:
        self.done = 0
        self.goal = 0  # 0: not known

    def begin(self, messages: int) -> None:
        """So many messages are looked at next, after those that are done."""
        self.goal = self.done + messages

    def advance(self, messages: int) -> None:
        """So many of them are done, never more than there were to do."""
        self.done = min(self.done + messages, self.goal)
