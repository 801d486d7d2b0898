"""NetSuite, the ledger: who owes, whom to write to, what is open, and mail that stands on the customer's record."""
