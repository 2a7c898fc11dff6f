"""Discord in, Discord out: commands and buttons, one file for each topic a user would name."""
