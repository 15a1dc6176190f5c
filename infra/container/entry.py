"""First program of every container: makes our settings of what ECS gives, then becomes the program named.

RDS keeps user and password apart and changes the password, so the address of the database is put together
here. The ingestor's certificate and key arrive as variables and the settings want files: they become files in
memory: none of it reaches a disk. Standard library only; handed to `python -c` by ecs.tf.
"""

import os
import socket
import sys
from urllib.parse import quote


def file_in_memory(name: str, text: str) -> str:
    """The path of a file that lives as long as this process, also after it has become another program."""
    descriptor = os.memfd_create(name, 0)  # without close-on-exec: execvp hands it on
    os.write(descriptor, text.encode())
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def settings_of(given: dict[str, str]) -> dict[str, str]:
    """The environment to go on with: ours added, what they were made of taken away."""
    environment = dict(given)
    user, password = (quote(environment.pop(f"DATABASE_{part}"), safe="") for part in ("USER", "PASSWORD"))
    address = f"{environment.pop('DATABASE_HOST')}:5432/{environment.pop('DATABASE_NAME')}"
    authority = environment.pop("DATABASE_CA", "")
    tls = f"verify-full&sslrootcert={file_in_memory('ca', authority)}" if authority else "require"
    environment["SOLARRALLY_DATABASE_URL"] = f"postgresql://{user}:{password}@{address}?sslmode={tls}"
    if "MQTT_KEY" in environment:
        # Two connections with one client id throw each other out, so every task has its own.
        client_id = f"{environment.pop('MQTT_CLIENT_ID')}-{socket.gethostname()}"
        environment["SOLARRALLY_MQTT_CLIENT_ID"] = client_id[:64]
        certificate = file_in_memory("certificate", environment.pop("MQTT_CERTIFICATE"))
        environment["SOLARRALLY_MQTT_CERT_FILE"] = certificate
        environment["SOLARRALLY_MQTT_KEY_FILE"] = file_in_memory("key", environment.pop("MQTT_KEY"))
    return environment


if __name__ == "__main__":
    program = sys.argv[1:]
    try:
        environment = settings_of(dict(os.environ))
    except KeyError as missing:
        sys.exit(f"the task definition gives no {missing.args[0]}: infra/ecs.tf")
    os.execvpe(program[0], program, environment)
