# SPDX-License-Identifier: GPL-3.0-or-later
"""The pickles that data sets of actions come as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import RequestError
from ...pickles.machine import RefusedPickle
from ...pickles.numpy_objects import read_numpy_objects


def read_pickle_file(path: Path) -> Any:
    """The object in the file: plain containers, numbers, texts and `PickledArray`; nothing in it is run.

    Raises RequestError (bad_source) for a file that names anything but numpy's arrays, that is damaged, or whose
    arrays do not fit their data.
    """
    try:
        return read_numpy_objects(path.read_bytes())
    except OSError as error:
        raise RequestError("bad_source", f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except RefusedPickle as error:
        raise RequestError(
            "bad_source",
            f"{path.name} is refused, and nothing in it was run: {error}.",
            "Get the file again from the data set's authors.",
        ) from error
