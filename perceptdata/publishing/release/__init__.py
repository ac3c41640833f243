"""A release: a workspace as the files of a dataset repository, with its card, its manifest and its licence checks."""
