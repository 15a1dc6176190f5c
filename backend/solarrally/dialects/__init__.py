"""From bytes to readings, one file per device family. Pure: no I/O, and time is handed in."""
