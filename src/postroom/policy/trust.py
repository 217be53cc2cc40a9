"""What the checks of origin mean for a message: three stages, each with its setting.

``dmarc``: what the author's domain asks for messages that are not from it. A trusted ARC sealer
that saw the message pass stands in for it. While a name can't be looked up that would decide,
and only when the policy asks for anything, the message has to come again.
``author``: a message that does not say in one way whom it is from is not taken (threat A12); one
that names nobody is, by default.
``spf``: a bare fail of SPF, which mail that was forwarded has as well, says little; by default
it says nothing. A refusal has the words of the domain, which are said to be its own.

RFC 9989 §5.3; RFC 7208 §8.4; RFC 7372 (X.7.23); threats A7, A12, A13.
"""

from typing import Final

from postroom.config.authentication import Authentication as Settings
from postroom.policy.facts import Facts
from postroom.policy.verdict import Action, Stage, Verdict
from postroom.protocol.smtp.replies import Reply, reply

_ACTIONS: Final[dict[str, Action]] = {"refuse": "refuse", "junk": "junk", "note": "pass"}


def stages(settings: Settings) -> tuple[Stage, ...]:
    """Those of the settings."""
    return (
        Author(settings.author, settings.no_author),
        Dmarc(settings.dmarc),
        Spf(settings.spf_fail),
    )


class Dmarc:
    """The policy of the author's domain."""

    def __init__(self, setting: str) -> None:
        """``setting``: "enforce", "junk" (refuse nothing for it) or "note"."""
        self._setting = setting

    async def judge(self, facts: Facts) -> Verdict:
        """Refuse, file as junk, or ask to come again."""
        found = facts.authentication
        author, wanted = found.author, found.policy
        if found.dmarc not in ("fail", "temperror") or self._setting == "note":
            return Verdict(stage="dmarc")
        if found.sealer:
            return Verdict(
                stage="dmarc", reason=f"{found.sealer}, which is trusted, saw DMARC pass"
            )
        if wanted == "none":
            return Verdict(stage="dmarc")
        if found.dmarc == "temperror":
            reason = f"whether the message is from {author} can't be looked up at the moment"
            return Verdict(
                stage="dmarc", action="defer", reason=reason, reply=_reply(451, "4.4.3", reason)
            )
        reason = f"the message is not from {author} as it says, whose DMARC policy is {wanted}"
        if wanted == "reject" and self._setting == "enforce":
            return Verdict(
                stage="dmarc", action="refuse", reason=reason, reply=_reply(550, "5.7.1", reason)
            )
        return Verdict(stage="dmarc", action="junk", reason=reason)


class Author:
    """There is exactly one author."""

    def __init__(self, setting: str, nobody: str) -> None:
        """Both are "refuse", "junk" or "note"; ``nobody`` when the message names no one."""
        self._action = _ACTIONS[setting]
        self._nobody = _ACTIONS[nobody]

    async def judge(self, facts: Facts) -> Verdict:
        """Refuse, or file as junk."""
        found = facts.authentication
        if not found.fault:
            return Verdict(stage="author")
        action = self._nobody if found.is_anonymous else self._action
        return _verdict("author", action, found.fault, _reply(550, "5.7.1", found.fault))


class Spf:
    """MAIL FROM names a domain that says the client may not."""

    def __init__(self, setting: str) -> None:
        """``setting``: "refuse", "junk" or "note"."""
        self._action = _ACTIONS[setting]

    async def judge(self, facts: Facts) -> Verdict:
        """Refuse, or file as junk; never what DMARC has shown to be genuine."""
        found = facts.authentication
        if found.spf != "fail" or found.dmarc == "pass" or found.sealer:
            return Verdict(stage="spf")
        reason = f"{found.spf_domain} says that {facts.address} may not send in its name (SPF)"
        more = [f"{found.spf_domain} explains: {found.explanation}"] if found.explanation else []
        return _verdict("spf", self._action, reason, _reply(550, "5.7.23", reason, *more))


def _verdict(stage: str, action: Action, reason: str, refusal: Reply) -> Verdict:
    if action == "pass":  # Authentication-Results tells it
        return Verdict(stage=stage)
    return Verdict(
        stage=stage,
        action=action,
        reason=reason,
        reply=refusal if action == "refuse" else None,
    )


def _reply(code: int, status: str, reason: str, *more: str) -> Reply:
    return reply(code, status, reason[0].upper() + reason[1:], *more)
