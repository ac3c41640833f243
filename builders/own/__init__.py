"""A user's own files: rows whose columns are resolved by name and value, or by a map."""
