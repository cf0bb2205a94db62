# SPDX-License-Identifier: GPL-3.0-or-later
"""Load once, then answer requests until the client leaves.

The first message goes out before anything heavy is imported; PyTorch is imported inside `run`.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .. import __version__
from ..contract.protocol import PROTOCOL_VERSION, Message
from ..errors import Cancelled, EngineError, RequestError
from .inbox import Inbox
from .logs import configure_logging
from .memory import peak_memory
from .stopwatch import Stopwatch
from .streams import Channel, ClientGone, claim_standard_streams

if TYPE_CHECKING:
    from ..motion import Motion
    from ..pipeline import MotionPipeline

EXIT_FAILURE: Final = 1
_LOADED_PACKS: Final = 2
_REQUEST_FIELDS: Final = ("text", "action", "style", "seconds", "seed", "count", "guidance", "steps", "chain")

_log = logging.getLogger(__name__)


def serve(pack: str, device: str, log_folder: Path | None) -> int:
    """Run the engine on this process's stdin and stdout; returns the exit status when the client is gone."""
    channel = claim_standard_streams()
    inbox = Inbox(channel)
    try:
        channel.send("status", stage="start", message="Starting the engine")
        configure_logging(log_folder)
        inbox.start()
        return Server(channel, inbox, pack, device).run()
    except ClientGone:
        return 0
    finally:
        inbox.finish()


class Server:
    """The loop of the main thread."""

    def __init__(self, channel: Channel, inbox: Inbox, pack: str, device: str) -> None:
        self._channel = channel
        self._inbox = inbox
        self._default_pack = pack
        self._device = device
        self._default_name = pack
        self._pipelines: OrderedDict[str, MotionPipeline] = OrderedDict()

    def run(self) -> int:
        """Load, say hello, answer; the exit status. Raises ClientGone."""
        started = time.perf_counter()
        try:
            self._load()
        except EngineError as error:
            _log.error("cannot start: %s", error)
            self._channel.send_error(None, error, fatal=True)
            return EXIT_FAILURE
        except Exception as error:
            _log.exception("cannot start")
            self._channel.send_error(None, _startup_problem(error), fatal=True)
            return EXIT_FAILURE
        _log.info("ready after %.2f s", time.perf_counter() - started)
        while (message := self._inbox.next()) is not None:
            self._answer(message)
        return self._inbox.exit_code

    def _load(self) -> None:
        self._status("torch", "Loading PyTorch")
        import torch

        _log.info("engine %s, Python %s, torch %s", __version__, platform.python_version(), torch.__version__)
        self._status("pack", f"Loading pack {self._default_pack}")
        pipeline = self._pipeline(None)
        self._default_name = pipeline.pack.name
        pipeline.prepare()
        self._channel.send(
            "hello",
            protocol=PROTOCOL_VERSION,
            engine_version=__version__,
            pid=os.getpid(),
            device=pipeline.device.type,
            device_name=pipeline.device_name,
            packs=self._describe_packs(),
            default_pack=self._default_name,
            warnings=list(pipeline.warnings),
        )

    def _answer(self, message: Message) -> None:
        """Carry out one message; whatever goes wrong is its answer, never the end of the engine."""
        request_id = message.header.get("id")
        taken = [0]
        answer: tuple[str, dict[str, Any]] | EngineError
        try:
            if message.type == "packs":
                answer = "packs", {"packs": self._describe_packs(), "default_pack": self._default_name}
            else:
                answer = "done", self._generate(request_id, message.header, taken)
        except ClientGone:
            raise
        except Cancelled:
            _log.info("request %s cancelled after %d takes", request_id, taken[0])
            answer = "cancelled", {"id": request_id, "takes": taken[0]}
        except EngineError as error:
            _log.warning("request %s refused: %s: %s", request_id, error.code, error.message)
            answer = error
        except Exception as error:
            _log.exception("request %s failed", request_id)
            answer = _internal(error)
        self._inbox.release()
        if isinstance(answer, EngineError):
            self._channel.send_error(request_id, answer)
        else:
            self._channel.send(answer[0], **answer[1])

    def _generate(self, request_id: object, header: dict[str, Any], taken: list[int]) -> dict[str, Any]:
        """Send every take as soon as it is ready, counting in `taken`; the fields of `done`."""
        from ..request import Request

        watch = Stopwatch()
        pipeline = self._pipeline(header.get("pack"))
        request = Request.resolve(pipeline.pack, **{name: header.get(name) for name in _REQUEST_FIELDS})

        def cancelled() -> bool:
            watch.before_step()
            return self._inbox.cancelled()

        def on_step(take: int, step: int, total: int) -> None:
            watch.after_step(step, total)
            self._channel.send("progress", id=request_id, take=take, count=request.count, step=step, total=total)

        if request.text is not None and not pipeline.text_encoder_ready:
            self._status("text_encoder", "Loading text encoder")
        if self._inbox.cancelled():
            raise Cancelled
        for take, motion in enumerate(pipeline.takes(request, on_step, cancelled)):
            watch.after_take()
            self._send_motion(request_id, take, request.count, motion)
            taken[0] += 1
        milliseconds = watch.milliseconds()
        _log.info(
            "request %s: %d x %.2f s by %s, %d steps, ms %s",
            request_id, request.count, request.seconds, request.condition, request.steps, milliseconds,
        )  # fmt: skip
        return {"id": request_id, "takes": taken[0], "milliseconds": milliseconds, "peak_memory": peak_memory()}

    def _send_motion(self, request_id: object, take: int, count: int, motion: Motion) -> None:
        arrays = {
            "rotations": motion.rotations,
            "root": motion.root,
            "contacts": motion.contacts,
            "offsets": motion.offsets,
        }
        self._channel.send(
            "motion",
            arrays,
            id=request_id,
            take=take,
            count=count,
            seed=motion.meta.get("seed"),
            fps=motion.fps,
            meta=motion.meta,
            warnings=motion.meta.get("warnings", []),
        )

    def _pipeline(self, name: object) -> MotionPipeline:
        """The pipeline of a pack, by name or folder; the two used last stay loaded."""
        from ..pipeline import MotionPipeline

        key = self._default_pack if name is None else name
        if not isinstance(key, str):
            raise RequestError("malformed", "The pack must be a name or a folder.")
        if key not in self._pipelines:
            other = next(reversed(self._pipelines.values()), None)
            self._pipelines[key] = MotionPipeline.from_pack(key, self._device, share=other)
            if len(self._pipelines) > _LOADED_PACKS:
                self._pipelines.popitem(last=False)
        self._pipelines.move_to_end(key)
        return self._pipelines[key]

    def _status(self, stage: str, line: str) -> None:
        self._channel.send("status", stage=stage, message=line)

    def _describe_packs(self) -> list[dict[str, Any]]:
        """Every pack that opens, the loaded ones included where they lie elsewhere."""
        from ..checkpoints.pack import list_packs

        found = {pack.directory: pack for pack in list_packs(lambda problem: _log.warning("%s", problem))}
        for pipeline in self._pipelines.values():
            found.setdefault(pipeline.pack.directory, pipeline.pack)
        return [pack.describe() for pack in found.values()]


def _startup_problem(error: Exception) -> EngineError:
    if isinstance(error, ImportError):
        return EngineError(
            "internal",
            f"The engine's Python has no {error.name or 'complete set of packages'} ({sys.executable}).",
            "Run install_deps.py, or press Install, to repair it.",
        )
    return _internal(error)


def _internal(error: Exception) -> EngineError:
    first_line = (str(error).splitlines() or [""])[0]
    return EngineError(
        "internal",
        f"Something went wrong in the engine: {type(error).__name__}: {first_line[:200]}",
        "The engine's log has the details; the next request starts afresh.",
    )
