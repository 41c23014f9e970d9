"""Run the demo for real and keep what it printed and what the model saw: the README's two pictures.

``python docs/record_demo.py``
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from kling_mcp.demo import run_demo

HERE = Path(__file__).parent
COMMAND = "[bold cyan]$[/] pip install uv && uv run kling-mcp demo"

# A frame that loads nothing from elsewhere: whoever looks at the README fetches no font.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def main() -> int:
    """Record. Returns the demo's own exit code."""
    console = Console(record=True, width=118, force_terminal=False, color_system="truecolor", highlight=False)
    console.print(COMMAND)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        out = Path("kling-demo")
        code = run_demo(out, console)
        shutil.copy(next(out.glob("*.sheet.jpg")), HERE / "contact-sheet.jpg")
    picture = console.export_svg(title="kling-mcp demo", theme=MONOKAI, code_format=FRAME, unique_id="demo")
    (HERE / "demo.svg").write_text(picture)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
