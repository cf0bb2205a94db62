# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads a text encoder into the hub's cache, when a person asks for it and never otherwise."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ..errors import EngineError
from .sources import HubFile, Source


def download(source: Source, say: Callable[[str], None]) -> list[Path]:
    """Download what is missing; files in the cache stay. `say` gets a line for each file.

    Raises EngineError (download_failed).
    """
    from huggingface_hub.utils.logging import set_verbosity

    # Its warnings tell of retries; what comes of them is the error's text.
    set_verbosity(logging.ERROR)
    paths = []
    for group in source.downloads:
        path = _first_of(source, group)
        say(f"{group[0].repository}: {path}")
        paths.append(path)
    return paths


def _first_of(source: Source, group: tuple[HubFile, ...]) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    file, *others = group
    try:
        return Path(hf_hub_download(file.repository, file.name))
    # Whatever the network, the server and the disk can do.
    except Exception as error:
        # The repository may keep its weights in the other format; without a network nobody knows.
        absent = isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
        if absent and others:
            return _first_of(source, tuple(others))
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise EngineError(
            "download_failed",
            f"{file.name} of {source.title} could not be downloaded: {reason}.",
            f"Check the connection and HF_HUB_OFFLINE, or get the file from https://huggingface.co/{file.repository} "
            f"on another computer and set {source.variable} to {source.local_copy}.",
            {"repository": file.repository, "file": file.name},
        ) from error
