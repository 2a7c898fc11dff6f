"""Commands and buttons, tried by the people of a real sandbox."""
