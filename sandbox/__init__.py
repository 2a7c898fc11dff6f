"""A local Discord and a local Stripe, on loopback, for trying and testing the bot without any account."""
