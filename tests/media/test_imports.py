"""Nobody who only starts the server pays for libraries that handle media."""

from __future__ import annotations

import subprocess
import sys


def test_heavy_libraries_are_loaded_at_first_use() -> None:
    script = (
        "import sys, kling_mcp.media.downloads, kling_mcp.media.preview, kling_mcp.sandbox.samples;"
        "print(sorted({'PIL', 'av', 'httpx2', 'numpy'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.strip() == "[]"
