"""`python -m nodemem`."""

from nodemem.cli import main

main()
