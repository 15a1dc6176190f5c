"""Asks a broker whether it lets somebody in: the difference between an open port and a broker that works."""

import socket

from solarrally.embedded.mqtt_packets import MQTT_311, Connect, PacketType, connect_bytes, disconnect_bytes

CONNACK_SIZE_BYTES = 4


def lets_in(host: str, port: int, username: str, password: str, *, timeout_s: float = 1.0) -> bool:
    """Whether a login succeeds. False if nobody listens, nothing comes back in time, or it is refused.
    Blocks.
    """
    hello = Connect(
        level=MQTT_311,
        client_id="",
        clean_start=True,
        keep_alive_s=10,
        username=username,
        password=password.encode(),
    )
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(connect_bytes(hello))
            answer = connection.recv(CONNACK_SIZE_BYTES, socket.MSG_WAITALL)
            connection.sendall(disconnect_bytes())
    except OSError:  # refused, reset, or timed out: not (yet) a broker that lets us in
        return False
    return answer == bytes([PacketType.CONNACK << 4, 2, 0, 0])
