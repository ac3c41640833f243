"""Publishing: a view as files that other programs read."""

EXPORTERS = {
    "parquet": "perceptdata.publishing.parquet:Parquet",
    "spacy": "perceptdata.publishing.spacy:Spacy",
}
