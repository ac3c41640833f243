"""perceptdata: staged perception and reasoning data for post-training vision-language models.

from perceptdata import Workspace

Workspace("ws").view("visual_reasoning").to_dataset()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perceptdata.example import Example
    from perceptdata.recipe import Recipe
    from perceptdata.view import View, ViewSpec
    from perceptdata.workspace import Workspace

__version__ = "0.1.0"
__all__ = ["Example", "Recipe", "View", "ViewSpec", "Workspace", "__version__"]

_HOMES = {"Example": "example", "Recipe": "recipe", "View": "view", "ViewSpec": "view", "Workspace": "workspace"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import perceptdata` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'perceptdata' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"perceptdata.{_HOMES[name]}"), name)
