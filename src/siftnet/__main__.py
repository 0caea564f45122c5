"""What `siftnet` and `python -m siftnet` start: Ctrl-C is answered in one line from the first import on."""

import sys


def main() -> None:
    """Load the command line and run it."""
    try:
        from siftnet.commands import cli
    except KeyboardInterrupt:
        # 128 + SIGINT, as the command line itself ends.
        print("siftnet: interrupted before it began", file=sys.stderr)
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
