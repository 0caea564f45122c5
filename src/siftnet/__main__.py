"""What `siftnet` and `python -m siftnet` start: Ctrl-C is answered in one line from the first import on."""

import sys
from typing import NoReturn


def main() -> None:
    """Load the command line and run it."""
    try:
        from siftnet.commands import output
    except KeyboardInterrupt:
        _interrupted()
    with output.open_streams():
        try:
            from siftnet.commands import cli
        except KeyboardInterrupt:
            _interrupted()
        cli.main()


def _interrupted() -> NoReturn:
    # Without standard error print would take standard output.
    if sys.stderr is not None:
        print("siftnet: interrupted before it began", file=sys.stderr)
    # 128 + SIGINT, as the command line itself ends.
    sys.exit(130)


if __name__ == "__main__":
    main()
