# SPDX-License-Identifier: GPL-3.0-or-later
"""Several set-ups or test runs at a time: they wait for the network, the disk and each other's start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from .errors import SetupError

WORKERS: Final = 2

Result = TypeVar("Result")


def in_parallel(
    calls: Mapping[str, Callable[[], Result]], interrupted: Callable[[], None] = lambda: None
) -> dict[str, Result | SetupError]:
    """Run the calls; each name gets its call's result, or the SetupError that it raised.

    `interrupted` is called when the user ends the program: running calls are waited for, so it should end them.
    """

    def guarded(call: Callable[[], Result]) -> Result | SetupError:
        try:
            return call()
        except SetupError as error:
            return error

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="setup") as pool:
        futures = {name: pool.submit(guarded, call) for name, call in calls.items()}
        try:
            return {name: future.result() for name, future in futures.items()}
        except BaseException:
            interrupted()
            raise
