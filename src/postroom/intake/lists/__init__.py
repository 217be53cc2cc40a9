"""Mailing lists: who may post, where a post goes, what is asked of a list by mail."""
