"""Execution: one task makes one shard, file in, file out. Who runs the tasks is the executor's business alone."""
