"""Measures what Dunwell costs beside the least the same work can cost, in one interleaved run."""
