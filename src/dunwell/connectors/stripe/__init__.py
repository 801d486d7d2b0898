"""Stripe: payments."""
