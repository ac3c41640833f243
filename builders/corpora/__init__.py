"""Corpora: other people's data in its original layout, one module a corpus."""
