"""`llm`: a model behind an OpenAI-compatible endpoint says of each clause whether it perceives or reasons.

| module    | noun                                                                              |
|-----------|-----------------------------------------------------------------------------------|
| `sheet`   | the clauses that one call asks about, their numbers, and what is shown around them |
| `labels`  | a label for each number: how it is asked, how the reply is checked                 |
| `quotes`  | where a quote parts a clause in two                                               |
| `inline`  | the text with tags in it: how it is asked, how the reply is checked                |
| `tagger`  | `LLM`: which calls are made, and what their replies come to                        |

A reply is believed only as far as it can be checked. What fails a check leaves its clauses open, with the reason.
"""
