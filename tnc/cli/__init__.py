"""The command line."""

from tnc.cli.main import main as main
