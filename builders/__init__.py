"""Builders: one module a corpus or synthetic task family, each turning a source into drafts.

A new builder is a module and a line here. Nothing is imported until a builder is asked for.
"""

BUILDERS = {
    "auto": "perceptdata.builders.own.auto:Auto",
    "geometry3k": "perceptdata.builders.corpora.geometry3k:Geometry3K",
    "graph_coloring": "perceptdata.builders.synthetic.graph_coloring:GraphColoringBuilder",
    "gsm8k": "perceptdata.builders.corpora.gsm8k:GSM8K",
    "nlvr": "perceptdata.builders.corpora.nlvr:NLVR",
    "sudoku": "perceptdata.builders.synthetic.sudoku:SudokuBuilder",
}

FAMILIES = {
    "graph_coloring": "perceptdata.builders.synthetic.graph_coloring:GraphColoring",
    "sudoku": "perceptdata.builders.synthetic.sudoku:Sudoku",
}

CHECKERS = {
    "family": "perceptdata.builders.synthetic.checkers:FamilyChecker",
    "family_perception": "perceptdata.builders.synthetic.checkers:FamilyPerceptionChecker",
}
