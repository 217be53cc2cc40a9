"""Moving mail in and out: mbox, Maildir, other servers, their lists of accounts."""
