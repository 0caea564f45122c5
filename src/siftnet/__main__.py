"""python -m siftnet"""

from siftnet.commands.cli import main

main()
