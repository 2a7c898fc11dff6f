"""HTTP in, HTTP out: the REST API, Stripe's webhook and Checkout, and the few pages that buyers see."""
