"""Lets libraries load that ask for torchvision and torchaudio beside a torch without CUDA, which both are built for.

torchvision's operators are only named and torchaudio is an empty module: pictures are resized in Python, and no row
here has sound. Nothing of this is needed where torch has CUDA.
"""

import importlib.machinery
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import torch

_kept: list[torch.library.Library] = []


def stand_in() -> None:
    """Call it before anything imports either. Does nothing where torch has CUDA."""
    if torch.version.cuda is not None:
        return
    audio = ModuleType("torchaudio")
    audio.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = audio
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return
    text = (Path(spec.origin).parent / "_meta_registrations.py").read_text(encoding="utf-8")
    library = torch.library.Library("torchvision", "DEF")
    for found in sorted(set(re.findall(r'register_meta\("(\w+)"\)|register_fake\("torchvision::(\w+)"\)', text))):
        library.define(f"{found[0] or found[1]}(Tensor x) -> Tensor")
    _kept.append(library)
