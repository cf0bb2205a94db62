# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's log: `engine.log` with two older ones in a folder of the user's, else stderr."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path
from typing import Final

LOG_NAME: Final = "engine.log"
_MAX_BYTES: Final = 1_000_000
_OLDER_FILES: Final = 2


def configure_logging(folder: Path | None) -> logging.Logger:
    """Point every logger of the process at the engine's log; returns the engine's own.

    A folder that cannot be used is no reason to refuse motion: the log then goes to stderr.
    """
    problem: OSError | None = None
    handler: logging.Handler = logging.StreamHandler()
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                folder / LOG_NAME, maxBytes=_MAX_BYTES, backupCount=_OLDER_FILES, encoding="utf-8"
            )
        except OSError as error:
            problem = error
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    log = logging.getLogger("mld_engine")
    log.setLevel(logging.INFO)
    if problem is not None:
        log.warning("no log file in %s (%s)", folder, problem)
    return log
