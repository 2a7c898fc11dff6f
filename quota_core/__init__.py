"""The domain: catalog, ledger, purchases and notices. It knows no Discord, no HTTP and no Stripe."""
