"""MQTT 5 reason codes in words (section 2.4 of the specification)."""

from __future__ import annotations

NORMAL_DISCONNECTION = 0x00
NO_MATCHING_SUBSCRIBERS = 0x10
FIRST_FAILURE = 0x80
"""From here on a code is a refusal or an error."""
MALFORMED_PACKET = 0x81
PROTOCOL_VIOLATION = 0x82
NOT_AUTHORISED = 0x87
SESSION_TAKEN_OVER = 0x8E
TOPIC_ALIAS_INVALID = 0x94
PACKET_TOO_LARGE = 0x95
QOS_NOT_SUPPORTED = 0x9B

_WORDS = {
    0x00: "success",
    0x01: "granted QoS 1",
    0x02: "granted QoS 2",
    0x04: "disconnect with will message",
    0x10: "no matching subscribers",
    0x11: "no subscription existed",
    0x18: "continue authentication",
    0x19: "re-authenticate",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x92: "packet identifier not found",
    0x93: "receive maximum exceeded",
    0x94: "topic alias invalid",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}


def in_words(code: int, reason_string: str | None = None, server_reference: str | None = None) -> str:
    """A reason code for people, with what the broker added to it, if anything."""
    words = f"{_WORDS.get(code, 'unknown reason')} (0x{code:02X})"
    if reason_string:
        words += f": {reason_string}"
    if server_reference:
        words += f"; it names another server: {server_reference}"
    return words
