"""A rehearsal of disasters: processes killed, disks full, clocks turned, providers failing; nothing may be lost."""
