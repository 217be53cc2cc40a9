"""Mailboxes: messages, entries, flags, UIDs, MODSEQs, quotas."""
