"""The Hub: a release becomes a version of a dataset repository, whole or not at all.

Nothing is sent before every check has passed. Then shard after shard is uploaded, which changes nothing that anybody
sees; one commit makes all of it the new version, and a tag names it.
"""
