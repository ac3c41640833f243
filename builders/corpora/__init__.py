"""Corpora: real data in its original layout, and the plain files of a user."""
