# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers, one module a layout: each yields clips, and what it leaves out with the reason (`found`)."""
