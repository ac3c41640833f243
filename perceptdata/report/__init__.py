"""The page about a workspace, and one row in words."""
