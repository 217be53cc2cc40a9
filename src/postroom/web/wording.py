"""What has happened, in the words of people who never ran a server."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from postroom.admin.activity import LoginView, WayView
from postroom.admin.audit import AuditView
from postroom.directory.credentials import APP_SCOPES

_PROTOCOLS: Final[Mapping[str, str]] = {
    "imap": "reading (IMAP)",
    "imaps": "reading (IMAP)",
    "pop3": "reading (POP3)",
    "pop3s": "reading (POP3)",
    "smtp": "sending (SMTP)",
    "submission": "sending (SMTP)",
    "submissions": "sending (SMTP)",
    "managesieve": "filter scripts",
    "sieve": "filter scripts",
    "web": "browser",
}
_MEANS: Final[Mapping[str, str]] = {
    "password": "own password",
    "app": "password of",
    "code": "password and code",
    "passkey": "passkey",
    "oidc": "login page of the provider",
    "token": "access token",
    "certificate": "certificate",
}
_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "in": ("good", "logged in"),
    "half": ("look", "password right, second factor asked for"),
    "refused": ("bad", "refused: wrong name or password"),
    "untested": ("bad", "turned away: too many failures"),
}
_DEEDS: Final[Mapping[str, str]] = {
    "account.add": "Account opened",
    "account.digest": "How often to be told of refused mail changed",
    "account.change": "Name, quota or state changed",
    "account.address.add": "Further address added",
    "account.address.remove": "Further address removed",
    "account.app-password.add": "Password for a device made",
    "account.app-password.remove": "Password of a device removed",
    "account.passkey.add": "Passkey made",
    "account.passkey.remove": "Passkey removed",
    "account.passkey.rename": "Passkey renamed",
    "account.password": "Password changed",
    "account.password.remove": "Password removed",
    "account.password.take": "Password taken over from another server",
    "account.release": "Sending allowed again",
    "account.remove": "Account removed",
    "account.rename": "Main address changed",
    "account.restore": "Account restored",
    "account.role": "Role changed",
    "account.second-factor.begin": "Second factor begun",
    "account.second-factor.codes": "New recovery codes made",
    "account.second-factor.disable": "Second factor taken away",
    "account.second-factor.enable": "Second factor turned on",
    "account.second-factor.reset": "Second factor taken away",
    "account.session.end": "Logged out of a browser",
    "account.session.end-all": "Logged out of browsers",
    "export.mail": "Mail exported",
    "fetch.add": "Fetching from another account begun",
    "fetch.remove": "Fetching from another account ended",
    "fetch.run": "Fetched from another account",
    "forward.end": "Forwarding ended",
    "forward.set": "Forwarding changed",
    "import.file": "Mail imported from a file",
    "import.imap": "Mail imported from another account",
    "junk.look": "Junk looked at (senders and subjects)",
    "junk.wanted": "Message moved from Junk to the inbox",
    "mask.add": "Masked address made",
    "mask.change": "Masked address switched or renamed",
    "mask.remove": "Masked address removed",
    "reject.look": "Refused messages looked at (senders and subjects)",
    "reject.read": "Head of a refused message looked at",
    "reject.release": "Refused message let in",
    "reject.remove": "Refused message deleted",
    "retention.replace": "How long mailboxes keep mail changed",
    "retention.set": "How long a mailbox keeps mail changed",
    "retention.set-own": "How long a mailbox keeps mail changed",
    "rule.add": "Rule added",
    "rule.move": "Rule moved",
    "rule.remove": "Rule removed",
    "script.activate": "Filter script switched on",
    "script.deactivate": "Filter script switched off",
    "script.put": "Filter script stored",
    "script.remove": "Filter script removed",
    "script.rename": "Filter script renamed",
    "send-as.grant": "May send in another name",
    "send-as.revoke": "May no longer send in another name",
    "senders.add": "Sender blocked or trusted",
    "senders.remove": "Sender taken off a list",
    "share.add": "Mailbox shared",
    "share.remove": "Mailbox no longer shared",
    "spam.forget": "Spam filter made to forget",
    "spam.level": "Strictness of the spam filter changed",
    "spam.train": "Spam filter taught",
    "suppression.add": "Address suppressed: not written to",
    "suppression.clear": "Address written to again by the whole domain",
    "suppression.remove": "Address written to again",
    "suppression.share": "Suppression lists of a domain shared, or no longer",
    "suppression.use": "Use of the suppression list changed",
    "undelete.purge": "Deleted messages deleted for good",
    "undelete.restore": "Deleted messages restored",
    "vacation.end": "Automatic answer ended",
    "vacation.set": "Automatic answer set",
}
_FATES: Final[Mapping[str, tuple[str, str]]] = {
    "filed": ("good", "delivered"),
    "delivered": ("good", "delivered"),
    "queued": ("look", "on its way"),
    "deferred": ("look", "tried, will be tried again"),
    "bounced": ("bad", "refused there"),
    "complained": ("bad", "called spam there"),
    "removed": ("bad", "taken out of the queue"),
}
_ACTIONS: Final[Mapping[str, str]] = {
    "move": "move to",
    "copy": "copy to",
    "flag": "flag as",
    "forward": "forward to",
    "discard": "throw away",
    "stop": "no further rules",
}
_BROWSERS: Final = (  # the more special first: all call themselves Mozilla, most Safari
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("Edg", "Edge"), ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Android", "Android"),
    ("Windows", "Windows"), ("Mac OS X", "a Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_KINDS: Final[Mapping[str, str]] = {
    "server": "the server itself",
    "command": "an administrator at the machine",
    "token": "a program of an administrator",
}


def protocol(name: str) -> str:
    """What somebody does by a protocol."""
    return _PROTOCOLS.get(name, name)


def protocols(names: tuple[str, ...]) -> str:
    """The same of several, each once."""
    if frozenset(names) == APP_SCOPES:
        return "mail and filters"
    return ", ".join(dict.fromkeys(map(protocol, names))) or "everything"


def means(one: LoginView | WayView) -> str:
    """With what somebody came."""
    if isinstance(one, LoginView) and one.outcome not in {"in", "half"} and one.means != "passkey":
        return "a code" if one.means == "code" else "a password"
    words = _MEANS[one.means]
    return f"{words} {one.label}" if one.label else words


def outcome(one: LoginView) -> tuple[str, str]:
    """A class of the style, and how it went."""
    if one.outcome == "refused" and one.means == "code":
        return "bad", "refused: password right, code wrong"
    return _OUTCOMES[one.outcome]


def fate(kind: str) -> tuple[str, str]:
    """A class of the style, and what has become of a message."""
    return _FATES.get(kind, ("look", kind))


def action(kind: str) -> str:
    """What a rule does."""
    return _ACTIONS.get(kind, kind)


def flag(value: str) -> str:
    """A flag as people write it; anything else as it is."""
    return value.removeprefix("\\").lower() if value.startswith("\\") else value


def browser(agent: str) -> str:
    """A browser by what it calls itself: "Firefox on Windows"; the first words of others."""
    name = next((words for mark, words in _BROWSERS if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    if name:
        return f"{name} on {system}" if system else name
    return agent[:40] or "not told"


def deed(one: AuditView) -> str:
    """What was done."""
    return _DEEDS.get(one.action, one.action.replace(".", " ").capitalize())


def doer(one: AuditView, reader: str) -> str:
    """Who did it, as the person ``reader`` calls them."""
    if one.actor_kind == "person":
        return "you" if one.actor == reader else one.actor
    return _KINDS[one.actor_kind]


def details(found: Mapping[str, Any]) -> str:
    """What was said with it; what was not so is left out."""
    told = dict(found)
    parts = []
    if isinstance(told.get("actions"), list):
        parts.append(_rule(told.pop("conditions", []), told.pop("actions")))
        told.pop("any_of", None)
    if "which" in told and "patterns" in told:
        which = "blocked" if told.pop("which") == "block" else "trusted"
        parts.append(f"{which}: {_text(told.pop('patterns'))}")
    parts += [
        f"{name.replace('_', ' ')}: {_text(value)}"
        for name, value in told.items()
        if value not in (False, 0)
    ]
    return "; ".join(parts)


def _rule(conditions: Sequence[Mapping[str, Any]], actions: Sequence[Mapping[str, Any]]) -> str:
    """A rule in a few words."""
    tests = [
        f"{one.get('name') or one.get('field')} {'not ' if one.get('negated') else ''}"
        f"{one.get('test')} {one.get('value')}"
        for one in conditions
    ]
    deeds = [
        f"{action(str(one.get('kind')))} {flag(str(one.get('value', '')))}".strip()
        for one in actions
    ]
    return f"{'if ' + ', '.join(tests) if tests else 'always'}: {', '.join(deeds)}"


def _text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value))
        case dict():
            return " ".join(f"{name} {_text(one)}" for name, one in value.items())
        case _:
            return str(value)
