"""The published contract: one JSON Schema a record type, generated from the models by `python -m perceptdata.schemas`."""
