"""The stage around a filter: its deadline, what happens on failure, the most it can do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from postroom.config.filters import Filter, Place
from postroom.errors import MailError
from postroom.policy.facts import Facts
from postroom.policy.filters import clamd, hook, rspamd, spamd
from postroom.policy.filters.finding import Finding, one_line
from postroom.policy.filters.wire import Failed
from postroom.policy.verdict import Action, Stage, Verdict
from postroom.protocol.smtp.replies import Reply, reply
from postroom.telemetry import sink
from postroom.telemetry.events import FilterFailed

Ask = Callable[[Place, Facts, str], Awaitable[Finding]]

UNAVAILABLE: Final = reply(451, "4.7.1", "The message can't be checked now, please try again later")
REFUSED: Final = "The message is refused by a filter"
DEFERRED: Final = "The message is not taken now, please try again later"

_KINDS: Final[Mapping[str, Ask]] = MappingProxyType(
    {"clamav": clamd.ask, "spamassassin": spamd.ask, "rspamd": rspamd.ask, "http": hook.ask}
)


def stages(
    filters: Iterable[Filter], hostname: str, *, is_outgoing: bool = False
) -> tuple[Stage, ...]:
    """One for each table of the settings that sees such mail, in their order; no milters.

    ``hostname`` is our name.
    """
    other: Final = "incoming" if is_outgoing else "outgoing"
    return tuple(
        [
            External(one, _KINDS[one.kind], hostname)
            for one in filters
            if one.sees != other and one.kind != "milter"
        ]
    )


class External:
    """Asks one filter."""

    def __init__(self, settings: Filter, ask: Ask, hostname: str) -> None:
        """``ask`` speaks its protocol."""
        self._hostname = hostname
        self._settings = settings
        self._place = settings.place
        self._ask = ask

    async def judge(self, facts: Facts) -> Verdict:
        """What it says, as far as the settings let it; within its seconds."""
        settings = self._settings
        if facts.size > settings.most:
            return Verdict(
                stage=settings.called,
                reason=f"not asked: {facts.size} octets, it is shown {settings.most} at most",
            )
        try:
            async with asyncio.timeout(settings.seconds):
                finding = await self._ask(self._place, facts, self._hostname)
        except TimeoutError:
            return self._failed(f"no answer within {settings.seconds:g} s")
        except (Failed, MailError) as error:
            return self._failed(str(error))
        return self._verdict(finding)

    def _failed(self, reason: str) -> Verdict:
        settings = self._settings
        reason = one_line(reason)
        sink.emit(FilterFailed(filter=settings.called, action=settings.on_failure, reason=reason))
        if settings.on_failure == "defer":
            return Verdict(
                stage=settings.called, action="defer", reason=f"failed: {reason}", reply=UNAVAILABLE
            )
        return Verdict(stage=settings.called, reason=f"failed, went on without it: {reason}")

    def _verdict(self, finding: Finding) -> Verdict:
        action = self._limited(finding.action)
        return Verdict(
            stage=self._settings.called,
            action=action,
            reason=one_line(finding.reason),
            score=finding.score,
            virus=self._virus(finding),
            kind=finding.kind,
            reply=_reply(action, one_line(finding.told)),
        )

    def _virus(self, finding: Finding) -> int | None:
        """What it found, whatever it may do about it; one that judges spam as well has not looked."""
        if self._settings.kind != "clamav":
            return None
        return 1 if finding.action == "pass" else 5

    def _limited(self, action: Action) -> Action:
        """As grave as the settings allow. Where it may not refuse, it may not put off either."""
        gravest = self._settings.gravest
        if gravest == "refuse":
            return action
        if action in ("refuse", "junk") and gravest == "junk":
            return "junk"
        return "pass"


def _reply(action: Action, told: str) -> Reply | None:
    if action == "refuse":
        return reply(550, "5.7.1", told or REFUSED)
    if action == "defer":
        return reply(451, "4.7.1", told or DEFERRED)
    return None
