"""The first file of Mosquitto's dynamic-security plugin: one account, which administers the others.

From its first start the broker owns the file and writes it at every change. The form is that of 2.0, which
2.1 reads too (plugins/dynamic-security/README.md in Mosquitto's sources): PBKDF2 with SHA-512, 12 bytes of
salt. The iterations are few because the password is random and the broker computes them between messages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Final

PROVISIONER: Final = "provisioner"
ITERATIONS: Final = 101
SALT_SIZE_BYTES: Final = 12
CONTROL: Final = "$CONTROL/dynamic-security/#"


def first_dynsec_file(password: str) -> str:
    """Nobody may anything but the account `provisioner`, and that only change accounts."""
    salt = os.urandom(SALT_SIZE_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    content = {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [
            {
                "username": PROVISIONER,
                "textname": "solarrally stations",
                "roles": [{"rolename": PROVISIONER}],
                "password": base64.b64encode(digest).decode("ascii"),
                "salt": base64.b64encode(salt).decode("ascii"),
                "iterations": ITERATIONS,
            }
        ],
        "groups": [],
        "roles": [
            {
                "rolename": PROVISIONER,
                "acls": [
                    {"acltype": kind, "topic": CONTROL, "allow": True}
                    for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
                ],
            }
        ],
    }
    return json.dumps(content, indent=2) + "\n"
