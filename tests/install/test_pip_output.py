# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's lines in an animator's words, from output of pip as it was recorded."""

from __future__ import annotations

import pytest

from mld_engine.setup import pip_output


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "  Downloading https://example.org/a/b/torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (191.8 MB)",
            ("downloading torch 2.13.0 (191.8 MB)", True),
        ),
        ("Downloading scipy-1.17.1-cp311-cp311-win_amd64.whl (35.3 MB)", ("downloading scipy 1.17.1 (35.3 MB)", True)),
        ("  Downloading tqdm-4.70.1-py3-none-any.whl (78 kB)", ("downloading tqdm 4.70.1 (78 kB)", False)),
        ("  Downloading nvidia_cudnn-9.1-py3-none-any.whl (1.1 GB)", ("downloading nvidia-cudnn 9.1 (1.1 GB)", True)),
        ("Using cached torch-2.13.0-cp311-none.whl (191.8 MB)", ("already downloaded: torch 2.13.0 (191.8 MB)", True)),
        ("Processing /a folder/torch-2.13.0+cpu-cp311-linux.whl", ("found here: torch 2.13.0+cpu", False)),
        ("Installing collected packages: mpmath, sympy, torch", ("unpacking 3 packages", True)),
        ("  Building wheel for smplx (setup.py): started", ("building smplx", True)),
        ("  Downloading mypy-2.4.1-cp311.whl.metadata (2.4 kB)", None),
        ("Collecting torch==2.13.0", None),
        ("Requirement already satisfied: numpy", None),
        ("", None),
    ],
)
def test_progress_lines(line: str, expected: tuple[str, bool] | None) -> None:
    assert pip_output.friendly(line) == expected


@pytest.mark.parametrize(
    ("line", "cause", "advice"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
            "2 GB",
        ),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk is full", "2 GB"),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError: "
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution'",
            "could not be reached",
            "internet connection",
        ),
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED]", "certificate", "PIP_CERT"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build", "64-bit Python"),
        ("ERROR: [Errno 13] Permission denied: '/opt/venv/lib'", "could not be written", "--venv"),
        ("ERROR: something new", "stopped with an error", "goes on where it stopped"),
    ],
)
def test_failures_are_explained(line: str, cause: str, advice: str) -> None:
    error = pip_output.explain("Installing PyTorch", ["Collecting torch", line, ""])
    assert error.message.startswith("Installing PyTorch failed")
    assert cause in error.message
    assert advice in error.hint
    assert line.strip() in error.lines


def test_only_a_missing_build_leads_to_another_index() -> None:
    missing = "ERROR: No matching distribution found for torch==2.13.0"
    assert pip_output.missing_in_index([missing])
    assert not pip_output.missing_in_index(["getaddrinfo failed", missing])
    assert not pip_output.missing_in_index(["No space left on device"])


def test_noise_does_not_hide_the_error() -> None:
    lines = ["ERROR: the cause", *["WARNING: Location 'x' is ignored"] * 20, "[notice] A new release of pip"]
    assert pip_output.useful_lines(lines) == ["ERROR: the cause"]
