"""Models for tests: real architectures, built in a moment, knowing nothing."""
