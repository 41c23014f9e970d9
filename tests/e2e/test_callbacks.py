"""The sandbox as a server calls back, as Kling does, where a task asked for it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any

import httpx2

from .processes import pretend_kling


def test_a_task_reports_its_changes_to_the_address_it_named() -> None:
    told: Queue[dict[str, Any]] = Queue()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep quiet."""

    ear = HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=ear.serve_forever, daemon=True).start()
    with pretend_kling("--speed", "200") as kling:
        body = {
            "prompt": "a kite",
            "model_name": "kling-v3",
            "callback_url": f"http://127.0.0.1:{ear.server_port}/hook",
        }
        made = httpx2.post(
            f"{kling.url}/v1/videos/text2video", json=body, headers={"Authorization": "Bearer sandbox"}
        ).json()["data"]
        reports = [told.get(timeout=20), told.get(timeout=20)]
    ear.shutdown()
    ear.server_close()
    assert [(r["task_id"], r["task_status"]) for r in reports] == [
        (made["task_id"], "processing"),
        (made["task_id"], "succeed"),
    ]
