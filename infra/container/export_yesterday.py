"""Writes yesterday's sessions and readings (UTC) as Parquet and puts them into the bucket of exports.

The same day again replaces the same files. Handed to `python -c` by ecs.tf; entry.py has made the settings.
"""

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import boto3

KINDS = ("sessions", "readings")


def main() -> None:
    """Export, upload; whatever fails ends the task with an error, and nothing half is uploaded."""
    today = datetime.now(UTC).date()
    day = today - timedelta(days=1)
    target = urlsplit(os.environ.pop("EXPORTS_URL"))
    s3 = boto3.client("s3")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            file = Path(folder) / f"{kind}.parquet"
            span = ["--date-from", day.isoformat(), "--date-to", today.isoformat()]
            subprocess.run(
                ["solarrally", "export", kind, "--format", "parquet", *span, "-o", str(file)], check=True
            )
            key = f"{target.path.lstrip('/')}/{kind}/date={day}/{kind}.parquet"
            s3.upload_file(str(file), target.netloc, key)
            sys.stdout.write(f"s3://{target.netloc}/{key}: {file.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
