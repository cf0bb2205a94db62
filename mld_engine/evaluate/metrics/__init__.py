# SPDX-License-Identifier: GPL-3.0-or-later
"""One module a family of measures. All take numpy arrays in metres, frames and frames a second, Y up."""
