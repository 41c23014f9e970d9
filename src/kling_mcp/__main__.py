"""``python -m kling_mcp`` is the same command as ``kling-mcp``."""

import sys

from kling_mcp.cli import main

if __name__ == "__main__":
    sys.exit(main())
