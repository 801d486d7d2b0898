"""What templates can say that Django's own tags can't."""
