"""The text of Mosquitto's configuration, access list and password file; 2.0 and 2.1 both take it."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from solarrally.embedded.broker_users import DEVICE_READS, DEVICE_WRITES, BrokerUser

MAX_PACKET_SIZE_BYTES = (
    2 * 1024 * 1024
)  # the ingestor itself wants to see, count and refuse a payload of 1 MB

# For a client that is away Mosquitto keeps messages until one of these is reached; what comes after is
# dropped, and acknowledged all the same. It counts payloads only: a million messages of 300 bytes fit, of
# more than 536 bytes they do not. Each takes about 600 bytes of memory (400,000 of 300 bytes: 252 MB) and
# 350 in the file that each autosave writes. Mosquitto's default of 1,000 is minutes of a small fleet.
MAX_QUEUED_MESSAGES = 1_000_000
MAX_QUEUED_SIZE_BYTES = 512 * 1024 * 1024

# As much as a receive maximum can say, so that the one of the ingestor decides (for MQTT 5, 2.0.11 would
# not even look here). Devices are told the same for what they send, and an MQTT 3.1.1 device may have so
# much in flight. 2.0.11 keeps to a receive maximum only until the first burst of acknowledgements, then it
# sends all it has: after 5,000 at once, a backlog of 140,000. The ingestor reads no more than it may hold.
MAX_INFLIGHT_MESSAGES = 65_535
AUTOSAVE_INTERVAL_S = 5

PBKDF2_ITERATIONS = 101  # Mosquitto's own default; the passwords are long and random
SALT_SIZE_BYTES = 12  # Mosquitto refuses any other


def configuration_text(*, port: int, directory: Path, is_root: bool) -> str:
    """The configuration of a broker on loopback whose files are in `directory`."""
    lines = [
        "# Written by SolarRally at each start: changes made here are lost.",
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {directory / 'passwords'}",
        f"acl_file {directory / 'access'}",
        "",
        "# Messages for a client that is away wait in memory; they are written out every few seconds and",
        "# at the end. A clean stop loses nothing; `kill -9` of the broker loses what it acknowledged since",
        "# the last write.",
        "# Devices that number their messages are acknowledged end to end and do not depend on this.",
        "persistence true",
        f"persistence_location {directory}/",
        f"autosave_interval {AUTOSAVE_INTERVAL_S}",
        f"max_queued_messages {MAX_QUEUED_MESSAGES}",
        f"max_queued_bytes {MAX_QUEUED_SIZE_BYTES}",
        f"max_inflight_messages {MAX_INFLIGHT_MESSAGES}",
        f"max_packet_size {MAX_PACKET_SIZE_BYTES}",
        "persistent_client_expiration 14d",
        "",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
        *(f"log_type {level}" for level in ("error", "warning", "notice", "information")),
        "connection_messages false",
    ]
    if is_root:
        # Otherwise a Mosquitto started by root becomes the user `mosquitto`, who may not read these 0600
        # files.
        lines.append("user root")
    return "\n".join(lines) + "\n"


def access_text(users: Sequence[BrokerUser]) -> str:
    """The access list: what each user may do, then what every device may do under its own name."""
    lines = []
    for user in users:
        lines.append(f"user {user.name}")
        lines.extend(f"topic deny {topic_filter}" for topic_filter in user.denied)
        lines.extend(f"topic write {topic_filter}" for topic_filter in user.writes)
        lines.extend(f"topic read {topic_filter}" for topic_filter in user.reads)
        lines.append("")
    lines.extend(f"pattern write {pattern}" for pattern in DEVICE_WRITES)
    lines.extend(f"pattern read {pattern}" for pattern in DEVICE_READS)
    return "\n".join(lines) + "\n"


def passwords_text(users: Sequence[BrokerUser]) -> str:
    """The password file, in the `$7$` format that mosquitto_passwd writes (PBKDF2, SHA-512)."""
    return "".join(password_line(user, os.urandom(SALT_SIZE_BYTES)) for user in users)


def password_line(user: BrokerUser, salt: bytes) -> str:
    """One line of the password file."""
    digest = hashlib.pbkdf2_hmac("sha512", user.password.encode(), salt, PBKDF2_ITERATIONS)
    fields = (str(PBKDF2_ITERATIONS), base64.b64encode(salt).decode(), base64.b64encode(digest).decode())
    return f"{user.name}:$7${'$'.join(fields)}\n"
