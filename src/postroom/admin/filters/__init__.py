"""What becomes of the mail of an account: rules, Sieve scripts, vacations, blocked senders."""
