"""Exports to the programs that people already use: one module a format, one class each.

| module           | writes                                                                        |
|------------------|-------------------------------------------------------------------------------|
| `trl`            | parquet of messages in blocks; SFT or GRPO                                     |
| `ms_swift`       | JSON lines of messages, a response in pieces with their own `loss_scale`       |
| `llama_factory`  | sharegpt JSON lines and `dataset_info.json`                                    |
| `verl`           | parquet with `reward_model` and `extra_info`; PGPO's advantages beside it      |
| `easyr1`         | parquet of `problem`, `images`, `answer`                                       |
| `cap_curriculum` | the JSON lines of VLM-CapCurriculum                                            |
| `jsonl`          | every column, for everything else                                              |
| `pairs`          | right against wrong perception, for DPO and KTO                                |
| `parquet`        | what `datasets.load_dataset` and our own trainer read, image bytes included    |
| `spacy`          | DocBins and a config for `spacy train`; `docs` makes the documents             |

What they share: `rows` (a conversation, checked), `conversations` (in each trainer's words), `pictures`, `folder`,
`writers`, `tally`, `gold` (what a reward needs), `certified` (and proven captions), `trainer` (the base), and `beside`,
the files that are written with an export.
"""
