"""The commit: the one place where a letter becomes ours.

Blob, mailboxes, queue and ledger in one durable transaction (RFC 5321 §4.2.5, §6.1).
``letter`` says what is handed over, ``commit`` makes it durable or leaves nothing.
"""
