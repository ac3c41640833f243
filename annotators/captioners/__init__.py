"""Captioners: what an image shows, in words."""
