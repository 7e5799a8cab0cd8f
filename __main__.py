"""`python -m loopstab`: the same as the command `loopstab`."""

from __future__ import annotations

from .paper_figures.cli import main

if __name__ == "__main__":
    main()
