"""Does a server that runs for long keep its size? Jobs without end at 1 % faults; memory and open files, every minute.

``python bench/soak.py [MINUTES]`` (default 10; a release: 30). Wanted: less than 1 MB more in ten minutes once it is
warm, and no file left open. Linux only: it reads ``/proc``.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from machine import described

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.battery.reckoning import Reckoning, settled
from tests.battery.test_kills import unruly_kling
from tests.e2e.processes import StdioServer, environment

SHARE = "0.01"
WARM_S = 120.0
"""Until then it grows rightly: what is imported at first use, and caches that are being filled."""
LOOK_S, TOLD_S = 5.0, 60.0
PAUSE_S = 0.25
MB = 2**20


def resident(pid: int) -> float:
    """Megabytes of memory in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def open_files(pid: int) -> int:
    """How many files, sockets and pipes are open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def growth(samples: list[tuple[float, float]]) -> float:
    """Megabytes in ten minutes, by the straight line that fits the samples best."""
    seconds, sizes = zip(*samples, strict=True)
    return statistics.linear_regression(seconds, sizes).slope * 600


def main(minutes: float) -> None:
    """Make jobs for so long, and print what the server came to."""
    print(described())
    folder, began = Path(tempfile.mkdtemp(prefix="kling-soak-")), time.monotonic()
    sizes, files, made, looked, told = list[tuple[float, float]](), list[int](), 0, 0.0, 0.0
    with (folder / "server.log").open("w") as log, unruly_kling(1, "--share", SHARE) as url:
        env = environment(folder, KLING_BASE_URL=url, KLING_API_KEY="sandbox")
        with StdioServer(env, log) as server:
            while (now := time.monotonic() - began) < minutes * 60:
                made += 1
                server.call("generate_image", prompt=f"picture {made}", wait_seconds=0 if made % 4 else 2)
                server.call("list_jobs", limit=10)
                if now - looked >= LOOK_S:
                    looked = now
                    sizes.append((now, resident(server.process.pid)))
                    files.append(open_files(server.process.pid))
                if now - told >= TOLD_S:
                    told = now
                    print(
                        f"{now / 60:4.0f} min  {made:>6} jobs  {sizes[-1][1]:6.1f} MB  {files[-1]:>3} files", flush=True
                    )
                time.sleep(PAUSE_S)
            settled(server, folder / "state" / "ledger.db", 300)
            found = Reckoning.of(folder / "state" / "ledger.db", url)
    warm = [sample for sample in sizes if sample[0] >= min(WARM_S, minutes * 30)]
    half = len(files) // 2
    print(f"memory grew by {growth(warm):.2f} MB in ten minutes (wanted: less than 1), {warm[-1][1]:.1f} MB at the end")
    print(f"files open: at most {max(files[:half])} in the first half, {max(files[half:])} in the second")
    print(f"{found.intents} jobs, {found.creates} creates, {found.charges} charges, {len(found.unfinished)} unfinished")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
