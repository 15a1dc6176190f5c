"""`python -m solarrally`."""

from __future__ import annotations

from solarrally.cli import main

main()
