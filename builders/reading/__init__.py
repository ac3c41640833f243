"""Reading what corpora write: rows, choices, marked answers, pictures, lists as text. All builders share it."""
