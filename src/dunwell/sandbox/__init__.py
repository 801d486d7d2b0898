"""A world to try Dunwell in: a fake Stripe, a mail catcher, people, a virtual clock."""
