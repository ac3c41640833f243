"""Shapes in which training sets are handed around: a reader each, on top of `auto`, which finds columns by name and
value.

A named reader fixes what its shape fixes, refuses files of another shape, and mends what only that shape does; whatever
else a file has (embedded pictures, base64, lists, paths) is told by value, as `auto` does it.
"""
