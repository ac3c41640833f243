"""Annotators: span taggers, captioners and caption judges, each writing a layer.

A new annotator is a module and a line here. Nothing is imported until one is asked for.
"""

TAGGERS = {
    "cues": "perceptdata.annotators.taggers.cues:Cues",
    "linear": "perceptdata.annotators.taggers.linear:Linear",
    "structure": "perceptdata.annotators.taggers.structure:Structure",
}
