"""`python -m hub` is `carehub`."""

from hub.cli import cli

cli(prog_name="carehub")
