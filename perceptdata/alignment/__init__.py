"""From characters to tokens: which role each token of a rendered conversation has.

    aligner = Aligner(Reader.read("checkpoints/step-200"), policy="contract")
    roles = aligner.align([Completion(request, response, spans), …])
    roles.row(0)                    # ids and roles of the rendered, image-expanded sequence

    roles.py         code points, offsets and spans in, one int8 a token out; numpy alone, no tokenizer and no model
    admission.py     can this tokenizer's offsets be trusted: a self-test
    conversation.py  a request and its response as the one text that the model is trained on
    aligner.py       all of it, over a batch; what cannot be aligned is a reject with its row

Tokenizers and processors are the caller's, or come with `perceptdata[train]`; nothing here imports torch.
"""
