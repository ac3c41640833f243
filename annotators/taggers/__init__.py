"""Span taggers: which clause of a text perceives, which reasons, which does neither."""
