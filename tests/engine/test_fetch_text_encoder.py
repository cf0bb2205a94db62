# SPDX-License-Identifier: GPL-3.0-or-later
"""`fetch-text-encoder` against a hub of our own: what it downloads is what packs then find, offline."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_process import REPOSITORY, quiet_environment
from small_t5 import small_t5_tensors, write_small_t5

LOAD = (
    "from mld_engine.checkpoints.config import TextEncoderConfig\n"
    "from mld_engine.conditions.text import load_text_encoder\n"
    "config = TextEncoderConfig('sentence-t5-large', 6, 'mean', True, 12)\n"
    "print(len(load_text_encoder(config).embed('a person walks')))\n"
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """(address, files asked for): a server that knows the files of a small Sentence-T5, in pickled weights."""
    folder = tmp_path / "served"
    write_small_t5(folder, small_t5_tensors(6))
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: bool) -> None:
            name = self.path.partition("/resolve/main/")[2]
            asked.append(name)
            found = self.path.startswith("/sentence-transformers/sentence-t5-large/") and (folder / name).is_file()
            data = (folder / name).read_bytes() if found and name else b""
            self.send_response(200 if found else 404)
            if not found:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{name.replace("/", "-")}"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def run(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "no_proxy": "127.0.0.1", **environment}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=quiet_environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_was_downloaded_is_found_without_a_network(tmp_path: Path, hub: tuple[str, list[str]]) -> None:
    address, asked = hub
    home = tmp_path / "home"
    (tmp_path / "served" / "model.safetensors").rename(tmp_path / "served" / "unused")
    done = run(home, "-m", "mld_engine", "fetch-text-encoder", "t5", HF_ENDPOINT=address)
    assert done.returncode == 1
    assert "pytorch_model.bin of Sentence-T5" in done.stderr
    assert done.stderr.count("\n") == 1
    (tmp_path / "served" / "unused").rename(tmp_path / "served" / "model.safetensors")
    done = run(home, "-m", "mld_engine", "fetch-text-encoder", "t5", HF_ENDPOINT=address)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 7
    count = len(asked)
    loaded = run(home, "-c", LOAD, HF_ENDPOINT=address)
    assert loaded.stdout.strip() == "6", loaded.stderr
    assert len(asked) == count


def test_without_a_network_it_says_what_to_get(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "mld_engine", "fetch-text-encoder", "clip", HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for words in ("could not be downloaded", "huggingface.co/timm", "MLD_CLIP_WEIGHTS"):
        assert words in done.stderr


def test_a_hub_that_does_not_answer_is_told_in_one_line(tmp_path: Path) -> None:
    """Its retries are nobody's business."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        done = run(tmp_path, "-m", "mld_engine", "fetch-text-encoder", "clip", HF_ENDPOINT=address)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "could not be downloaded" in done.stderr
