"""The permissions, where routes look for them."""

from __future__ import annotations

from solarrally.domain.permission import PERMISSIONS_IN_WORDS, PERMISSIONS_OF_ROLE, Permission

__all__ = ["PERMISSIONS_IN_WORDS", "PERMISSIONS_OF_ROLE", "Permission"]
