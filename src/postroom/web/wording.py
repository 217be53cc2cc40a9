"""What has happened, in the words of people who never ran a server."""

from collections.abc import Mapping
from typing import Any, Final

from postroom.admin.activity import LoginView, WayView
from postroom.admin.audit import AuditView

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
    "removed": ("bad", "taken out of the queue"),
}
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


def deed(one: AuditView) -> str:
    """What was done."""
    return _DEEDS.get(one.action, one.action.replace(".", " "))


def doer(one: AuditView, reader: str) -> str:
    """Who did it, as the person ``reader`` calls them."""
    if one.actor_kind == "person":
        return "you" if one.actor == reader else one.actor
    return _KINDS[one.actor_kind]


def details(found: Mapping[str, Any]) -> str:
    """What was said with it."""
    return "; ".join(f"{name.replace('_', ' ')}: {_text(value)}" for name, value in found.items())


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
