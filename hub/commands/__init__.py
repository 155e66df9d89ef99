"""One module a command of `carehub`; each is loaded only when it is called (see hub.cli)."""
