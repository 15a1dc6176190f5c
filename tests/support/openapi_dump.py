"""Our OpenAPI as JSON, without a database: `python -m tests.support.openapi_dump FILE`.

`./run dashboard types` makes the page's types of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.api.openapi import our_openapi


def dump_openapi(file: Path) -> None:
    """Write the document that `/api/v1/openapi.json` gives."""
    file.write_text(json.dumps(our_openapi()), encoding="utf-8")


if __name__ == "__main__":
    dump_openapi(Path(sys.argv[1]))
