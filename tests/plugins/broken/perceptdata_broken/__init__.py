"""Fails on import, as a package does whose own dependencies are missing or changed."""

raise RuntimeError("the wreck's engine is flooded")
