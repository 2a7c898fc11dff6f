"""Every SQL statement of the program, by topic; the same text for both engines."""
