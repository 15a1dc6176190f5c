"""Real ingestors that share a stream, as processes that a test can kill; and who fills the stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType

from tests.support.aws_stream import AwsStream
from tests.support.charging_fleet import Message
from tests.support.ingestor import IngestorProcess
from tests.support.tls_mosquitto import Authority

START_TIMEOUT_S = 120.0
"""Several start at once, with two AWS libraries to import: 3 s each on an idle machine."""
NOBODY_THERE = "localhost:1"
"""Instead of AWS IoT Core: commands and acknowledgements go nowhere, and are tried again and again."""


class StreamIngestorProcess(IngestorProcess):
    """`solarrally ingest` with SOLARRALLY_BROKER=aws_kinesis."""

    def __init__(
        self, *, database_url: str, stream: AwsStream, folder: Path, log_file: Path, **settings: str
    ) -> None:
        super().__init__(database_url=database_url, mqtt_url="", log_file=log_file)
        identity = Authority(folder, log_file.stem).identity(f"{log_file.stem}-ingestor")
        del self._environment["SOLARRALLY_MQTT_URL"]
        self._environment = {
            **{name: value for name, value in self._environment.items() if not name.startswith("AWS_")},
            **stream.environment,
            "SOLARRALLY_BROKER": "aws_kinesis",
            "SOLARRALLY_AWS_KINESIS_STREAM": stream.name,
            "SOLARRALLY_AWS_IOT_ENDPOINT": NOBODY_THERE,
            "SOLARRALLY_MQTT_CERT_FILE": str(identity.cert_file),
            "SOLARRALLY_MQTT_KEY_FILE": str(identity.key_file),
            "SOLARRALLY_MQTT_CA_FILE": str(identity.ca_file),
            **{f"SOLARRALLY_{name.upper()}": value for name, value in settings.items()},
        }

    def owned(self) -> float:
        """How many shards it reads; 0 while it does not answer."""
        return self.counters().get("solarrally_shards_owned", 0)

    def wait_connected(self) -> None:
        """Return when it has found its place among the ingestors."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.counters().get("solarrally_stream_members"):
            assert self.is_running, self.log_file.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log_file.read_text()[-3000:]
            time.sleep(0.05)


class StreamFiller:
    """Puts messages on the stream at a steady rate, as the rule would. `stop` tells what it put."""

    def __init__(self, stream: AwsStream, messages: Iterable[Message], *, rate: float) -> None:
        """`rate` in messages/s."""
        self.sent: list[Message] = []
        self._stream = stream
        self._messages = iter(messages)
        self._rate = rate
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stream filler")

    def stop(self) -> list[Message]:
        """End after the batch in hand."""
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.sent

    def _run(self) -> None:
        try:
            for batch in self._batches():
                self._stream.put([(message.topic, message.payload) for message in batch])
                self.sent += batch
        except BaseException as error:
            self._error = error

    def _batches(self) -> Iterator[list[Message]]:
        began_s, put = time.monotonic(), 0
        while not self._stopping.wait(0.05):
            due = min(500, int((time.monotonic() - began_s) * self._rate) - put)
            batch = list(islice(self._messages, max(0, due)))
            put += len(batch)
            if batch:
                yield batch

    def __enter__(self) -> StreamFiller:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
