"""Which tables of the database stand in the file, and why the others do not.

A test holds this to the schema: a table that is new has to take a place here.
"""

from collections.abc import Mapping
from typing import Final

HELD: Final[Mapping[str, str]] = {
    "domain": "domain",
    "dkim_key": "domain.dkim_key (with secrets)",
    "journal": "domain.journal",
    "allotment": "domain.limits",
    "backup_domain": "backup_domain",
    "account": "account",
    "address": "account.address, account.addresses, alias.address, mailing_list.address",
    "credential": "account.password (with secrets)",
    "domain_admin": "account.administers",
    "sending": "account.send_limit",
    "send_as": "account.send_as",
    "sender_rule": "account.block, account.allow",
    "forward": "account.forward",
    "retention": "account.retention",
    "rule": "account.rule",
    "mask": "account.mask",
    "script": "account.script, script (those of the site)",
    "vacation": "account.vacation",
    "spam_knowledge": "account.spam_level",
    "digest": "account.digest",
    "suppressing": "account.suppression",
    "suppression_sharing": "domain.share_suppression",
    "suppression": "account.suppress (by hand)",
    "fetching": "account.fetch (with secrets)",
    "alias": "alias",
    "mailing_list": "mailing_list",
    "list_member": "mailing_list.members, .suspended, .owners, .archive",
    "alias_target": "alias.targets, account.forward",
    "relay": "relay",
    "relay_use": "relay.use",
    "tls_rule": "tls_rule",
    "share": "share",
    "webhook": "webhook",
    "ban": "ban (a postmaster's)",
    "dns_provider": "dns_provider (with secrets)",
}
"""Where the tables stand in the file."""

_MAIL: Final = "mail: postroom export ACCOUNT, postroom backup"
_QUEUE: Final = "what waits to be sent: postroom backup"
_PAST: Final = "what has happened, and what was learned or counted of it: postroom backup"
_PERSON: Final = "a secret of a person, who makes a new one"
_SELF: Final = "made by the server itself, where it is needed"

LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "annotation", "blob", "blob_frame", "entry", "entry_block", "entry_sweep", "expunged",
            "imported", "mailbox", "message", "message_copies", "preview", "reject", "search_late",
            "search_page", "seen", "sort_key", "subscription", "upload", "usage", "vanished",
        ),
        _MAIL,
    ),
    **dict.fromkeys(
        ("delivery", "destination", "job", "lease", "queue_mark", "queued", "hook_call",
         "submission", "submission_state"),
        _QUEUE,
    ),
    "identity": "what people write as, set in their mail programs: postroom backup",
    **dict.fromkeys(
        (
            "alert", "audit", "correspondent", "device", "dmarc_result", "greylist", "habit",
            "hook_answer", "ledger", "ledger_event", "ledger_segment", "login", "memory",
            "occurrence", "report", "report_sent", "reputation", "sent_once", "spam_lesson",
            "spam_token", "spam_waiting", "spent_challenge", "suspicion", "tls_result",
        ),
        _PAST,
    ),
    **dict.fromkeys(
        ("api_token", "passkey", "recovery_code", "second_factor", "url_key", "web_device",
         "web_session"),
        _PERSON,
    ),
    **dict.fromkeys(
        ("acme_account", "acme_challenge", "certificate", "fingerprint", "node", "note",
         "schema_version", "search_turn", "sts_policy", "turn", "version"),
        _SELF,
    ),
}  # fmt: skip
"""Why the other tables are left out."""
