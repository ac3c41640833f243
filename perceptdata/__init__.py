"""perceptdata: staged perception and reasoning data for post-training vision-language models."""

__version__ = "0.1.0"
