"""What whoever runs the bot can watch: metrics for Prometheus, and where they are served."""
