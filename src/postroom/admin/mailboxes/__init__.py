"""What lies in the mailboxes of others: junk, what was refused or deleted; the search index."""
