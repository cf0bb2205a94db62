# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a process: it loads once and answers many requests over its stdin and stdout."""
