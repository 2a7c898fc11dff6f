"""Every way out of the program but Discord: signed webhooks, Slack-compatible webhooks, e-mail."""
