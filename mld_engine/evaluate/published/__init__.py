# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluators that published tables were made with, read from files that the user has."""
