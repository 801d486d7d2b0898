"""One folder a vendor: `client.py` does I/O, `translate.py` is pure."""
