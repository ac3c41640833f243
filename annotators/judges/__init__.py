"""Judges: are a caption's claims true of its image?

| module        | what it goes by                                                            |
|---------------|----------------------------------------------------------------------------|
| `oracle`      | the exact scene: synthetic families, and the three boxes of NLVR (`boxes`)  |
| `llm`         | the image, seen by a model                                                  |
| `reference`   | facts or other captions, read by a model                                    |
| `consistency` | the other captions of the same image, word by word                          |
| `utility`     | whether a text-only model can answer from the caption; scores captions whole |
| `sheet`       | how models are asked about claims, and how their replies are checked        |
"""
