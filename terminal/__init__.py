"""What an operator types: commands on the ledger, run by the process that owns the database."""
