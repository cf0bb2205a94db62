# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's output in an animator's words: what it is doing, and after a failure what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .errors import SetupError

USEFUL_LINES: Final = 6
LARGE_MEGABYTES: Final = 20.0

_FETCHED = re.compile(
    r"(?P<verb>Downloading|Using cached|Processing)\s+(?:.*[/\\])?(?P<name>[A-Za-z0-9_.]+)-(?P<version>\d[^-\s]*)"
    r"[^\s]*?(?:\.whl|\.tar\.gz|\.zip)(?:\.metadata)?(?:\s+\((?P<size>[\d.]+)\s*(?P<unit>[kMG]?B)\))?"
)
_MEGABYTES: Final = {"B": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}
_VERBS: Final = {"Downloading": "downloading", "Using cached": "already downloaded:", "Processing": "found here:"}
_NOISE = re.compile(r"^\s*(\[notice\]|WARNING: Location|Looking in|Requirement already|Collecting|Obtaining|━)|^\s*$")


def friendly(line: str) -> tuple[str, bool] | None:
    """(text, whether it is worth a line in a terminal) for a line of pip's, None when it says nothing new."""
    if ".metadata" in line:
        return None
    fetched = _FETCHED.search(line)
    if fetched:
        text = f"{_VERBS[fetched['verb']]} {fetched['name'].replace('_', '-')} {fetched['version']}"
        if not fetched["size"]:
            return text, False
        megabytes = float(fetched["size"]) * _MEGABYTES[fetched["unit"]]
        return f"{text} ({fetched['size']} {fetched['unit']})", megabytes >= LARGE_MEGABYTES
    if line.startswith("Installing collected packages:"):
        number = line.count(",") + 1
        return f"unpacking {number} package{'s' if number > 1 else ''}", True
    if "Building wheel for" in line and "finished" not in line:
        return "building " + line.split("Building wheel for", 1)[1].split("(")[0].strip(), True
    return None


def useful_lines(lines: Sequence[str]) -> list[str]:
    """The last lines that say something, errors first choice."""
    told = [line.strip() for line in lines if not _NOISE.match(line)]
    errors = [line for line in told if line.startswith(("ERROR", "error:", "OSError", "FATAL"))]
    return (errors or told)[-USEFUL_LINES:]


def missing_in_index(lines: Sequence[str]) -> bool:
    """Whether the index answered but does not carry the package, so that another index may help."""
    return "No matching distribution found" in "\n".join(lines) and not _no_network("\n".join(lines))


def _no_network(text: str) -> bool:
    return bool(
        re.search(
            r"name resolution|Name or service not known|getaddrinfo failed|nodename nor servname|NewConnectionError"
            r"|Max retries exceeded|ConnectTimeout|Read timed out|ProxyError|Network is unreachable"
            r"|Connection refused|Connection reset|Temporary failure|Could not fetch URL",
            text,
            re.IGNORECASE,
        )
    )


def explain(title: str, lines: Sequence[str]) -> SetupError:
    """The error for a failed pip run: the cause that its output shows, and what to do next."""
    text = "\n".join(lines)
    again = "Then run this again: it goes on where it stopped."
    if re.search(r"No space left on device|Errno 28|not enough space on the disk|WinError 112", text):
        message, hint = "the disk is full", f"Free some space (the engine needs 2 GB, with CUDA 8 GB). {again}"
    elif re.search(r"CERTIFICATE_VERIFY_FAILED|SSLError", text):
        message = "the package index's certificate was not accepted"
        hint = f"A company network may need its own certificate: set PIP_CERT to its file. {again}"
    elif _no_network(text):
        message = "the package index could not be reached"
        hint = f"Check the internet connection; behind a proxy set HTTPS_PROXY. {again}"
    elif re.search(r"No matching distribution found|Could not find a version", text):
        message = "the package index has no build for this computer or this Python"
        hint = "Use a 64-bit Python 3.10 to 3.13 from python.org, on a 64-bit system."
    elif re.search(r"Permission denied|Errno 13|WinError 5\b|Access is denied", text):
        message = "a file could not be written"
        hint = f"Close programs that use the environment, or choose a folder of your own with --venv. {again}"
    else:
        message, hint = "pip stopped with an error", f"The lines above tell why. {again}"
    return SetupError(f"{title} failed: {message}.", hint, useful_lines(lines))
