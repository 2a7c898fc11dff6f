"""The short form of the rehearsal of disasters; `make chaos` is the long one."""
