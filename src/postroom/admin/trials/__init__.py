"""What would be done, and is not: with a message, in a session, with mail for an address."""
