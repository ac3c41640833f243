"""Synthetic task families: scenes that are generated, drawn, described, solved and checked here."""
