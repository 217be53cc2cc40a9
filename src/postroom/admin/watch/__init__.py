"""What a server notices of itself, and who is told: trouble, changes, listings, stolen accounts."""
