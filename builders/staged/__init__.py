"""Stages made from other stages: examples out of what models wrote, and the packaged recipes that make them."""
