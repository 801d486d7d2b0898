"""What people see: the desk, the payment-link page, the webhook endpoint."""
