"""Figures: how much, how fast, beside a peer in the same run."""
