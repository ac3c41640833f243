"""Annotators: span taggers, captioners and caption judges, each writing a layer.

A new annotator is a module and a line here. Nothing is imported until one is asked for.
"""

TAGGERS = {
    "cues": "perceptdata.annotators.taggers.cues:Cues",
    "linear": "perceptdata.annotators.taggers.linear:Linear",
    "llm": "perceptdata.annotators.taggers.llm.tagger:LLM",
    "spacy": "perceptdata.annotators.taggers.spacy:Spacy",
    "structure": "perceptdata.annotators.taggers.structure:Structure",
    "visual-dependency": "perceptdata.annotators.taggers.visual_dependency:VisualDependency",
}
