"""Our clauses and spans in spaCy pipelines: a categoriser that learns, and a component that reads what a layer says.

    import spacy
    nlp = spacy.blank("en")
    nlp.add_pipe("perceptdata_clauses")                                # trains and runs; `categorizer`
    nlp.add_pipe("perceptdata_spans", config={"source": "ws", "layer": "tags"})    # reads; `reader`
    nlp("The figure shows 32, so x = 7.").spans["perceptdata"]

spaCy finds both by entry points, with the suggester `perceptdata.clause_suggester.v1` and the architecture
`perceptdata.ClauseBow.v1`, so `spacy.load` and `spacy train` need no import of ours. The modules here import spaCy as
they are imported and are loaded by spaCy, or late by the tagger `spacy`.
"""
