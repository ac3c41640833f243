"""Publishing: a view as files that other programs read."""

EXPORTERS = {
    "cap_curriculum": "perceptdata.publishing.exports.cap_curriculum:CapCurriculum",
    "easyr1": "perceptdata.publishing.exports.easyr1:EasyR1",
    "jsonl": "perceptdata.publishing.exports.jsonl:Jsonl",
    "llama_factory": "perceptdata.publishing.exports.llama_factory:LlamaFactory",
    "ms_swift": "perceptdata.publishing.exports.ms_swift:MsSwift",
    "pairs": "perceptdata.publishing.exports.pairs:Pairs",
    "parquet": "perceptdata.publishing.exports.parquet:Parquet",
    "spacy": "perceptdata.publishing.exports.spacy:Spacy",
    "trl": "perceptdata.publishing.exports.trl:Trl",
    "verl": "perceptdata.publishing.exports.verl:Verl",
}
