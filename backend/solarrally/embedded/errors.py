"""What can go wrong while starting the embedded services, each with the cure in its text."""


class EmbeddedError(RuntimeError):
    """An embedded service cannot do what was asked; the message is meant for the person at the terminal."""


class BinariesMissing(EmbeddedError):
    """The server program is not on this machine."""


class AlreadyRunning(EmbeddedError):
    """Another live process owns the data directory."""


class StartFailed(EmbeddedError):
    """The server program was started and did not become ready."""
