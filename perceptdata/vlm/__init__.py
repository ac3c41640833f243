"""A local transformers model: loaded, asked, and answering as an endpoint would.

    loading.py      LocalModel: a checkpoint with its tokenizer and processor, checked to be usable; Reader: no weights
    rendering.py    Request -> the exact text and tensors that the model is given, or a reject
    batch.py        prepared requests, ragged image lists and all, as one left-padded batch
    generation.py   batched answers; every sample has random numbers of its own
    sight.py        does this model look at its images at all
    forward.py      teacher forcing: hidden states of a given response, with its image and of the language model alone
    blinding.py     six ways to hide the image
    dependency.py   how much each token of a response owes to the image

torch and transformers come with `perceptdata[train]` and are imported when a model is loaded, never before.
"""
