"""Dunwell recovers failed B2B SaaS payments."""
