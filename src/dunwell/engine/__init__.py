"""The verbs: receive, tick, perform, review. Every write happens here."""
