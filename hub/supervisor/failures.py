"""What can stop a hub from starting, each said in one clear sentence."""


class StartError(Exception):
    """A hub cannot start; the message is shown to the operator as it stands."""


class NotAnsweringError(StartError):
    """A process ended or stays silent: its own log knows the reason."""
