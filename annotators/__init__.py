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

CAPTIONERS = {
    "llm": "perceptdata.annotators.captioners.llm:LLM",
}

JUDGES = {
    "consistency": "perceptdata.annotators.judges.consistency:Consistency",
    "llm": "perceptdata.annotators.judges.llm:LLM",
    "oracle": "perceptdata.annotators.judges.oracle:Oracle",
    "reference": "perceptdata.annotators.judges.reference:Reference",
    "utility": "perceptdata.annotators.judges.utility:Utility",
}
