"""Reads replies with a language model, where one is set up: off by default."""
