"""The command line."""

try:
    from tnc.cli.main import main as main
except KeyboardInterrupt:  # loading takes a while, and an interrupt has no traceback then either
    raise SystemExit(130) from None
