"""What somebody else's package looks like: one builder, one tagger, two entry points. CONTRIBUTING.md explains both."""
