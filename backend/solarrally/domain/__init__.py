"""The rules of the field without any I/O: readings, sessions, energy, tariffs. Standard library only."""
