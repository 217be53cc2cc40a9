"""A day or a moment as it is typed after an option."""

from datetime import datetime

import click

_EXAMPLE = datetime(2026, 12, 24, 18, 30)  # noqa: DTZ001  (only its digits are shown)


class Moment(click.DateTime):
    """``click.DateTime`` whose refusal shows how it is written; the first format is the example."""

    def __init__(self, *formats: str) -> None:
        """``formats`` as strptime knows them, those that people are told first."""
        super().__init__(list(formats))

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Without a time zone: what it means is for the command to say."""
        if isinstance(value, datetime):
            return value
        for form in self.formats:
            try:
                return datetime.strptime(str(value), form)  # noqa: DTZ007
            except ValueError:
                continue
        ways = " or ".join(_EXAMPLE.strftime(form) for form in self.formats[:2])
        what = "moment" if len(self.formats) > 1 else "day"
        return self.fail(f"{str(value)!r} is no {what}; write it as {ways}", param, ctx)
