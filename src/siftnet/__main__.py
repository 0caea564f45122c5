"""python -m siftnet"""

from siftnet.cli import main

main()
