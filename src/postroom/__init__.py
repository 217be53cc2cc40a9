"""Postroom, a complete mail server: the way of a letter.

    in:    listen.smtp -> protocol.smtp.server (legal?) -> intake (allowed? where to?)
           -> post.commit: one transaction { blob, store.file into mailboxes,
              queue.add for remote recipients, ledger } -> fsync -> "250"
    out:   delivery.dispatcher <- queue.claims -> delivery.router -> net.dns
           -> protocol.smtp.client over net -> delivery.settler -> queue.settling, ledger, post
    read:  listen.imap | listen.pop3 -> access (login, view, rights) -> store
           (changes wake idle sessions through notify)
    run:   cli | web -> admin -> directory, queue, store, ledger

Nothing says 250 before ``post`` has returned. Each station is a package; its
docstring says what it holds and what it leaves to whom.
"""

from typing import Final

VERSION: Final = "0.1.0"
