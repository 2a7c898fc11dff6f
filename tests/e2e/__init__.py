"""The whole program, end to end: real processes, real sockets, a local Discord and a local Stripe."""
