"""Graphs and colourings as models write them.

Everything is found by regular expressions that run in linear time: a text of any size or depth is read or refused, and
never raises.
"""

from __future__ import annotations
