"""Stations with passwords, at Mosquitto's dynamic-security plugin: made, changed, cut off, while it runs.

Commands go over MQTT (topic and words: plugins/dynamic-security/README.md in Mosquitto's sources). Each
station has a role of its own with literal topics, because 2.0 does not expand `%u` in the plugin's rules.
Disabling or deleting an account ends its connection at once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiomqtt

from solarrally.errors import SolarRallyError
from solarrally.provisioning.station_topics import StationTopics

TOPIC: Final = "$CONTROL/dynamic-security/v1"
ANSWERS: Final = f"{TOPIC}/response"
TIMEOUT_S: Final = 10.0


class BrokerRefused(SolarRallyError):
    """The broker cannot be reached, does not let us in, or did not do what it was asked."""


class AnswerLost(BrokerRefused):
    """A command may have been done or not: the broker was asked, and its answer did not come."""


class DynamicSecurity:
    """An open connection to the plugin; see `dynamic_security`."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._own = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def stations(self) -> list[str]:
        """The user names of all accounts."""
        return list((await self._do("listClients", verbose=False))["data"]["clients"])

    async def set_station(self, username: str, password: str, topics: StationTopics) -> None:
        """Make the account, or give the one there is this password and these topics, and enable it.

        A connection under the old password ends.
        """
        role = role_of(username)
        if not await self._is_there("createRole", rolename=role, acls=list(_acls(topics))):
            await self.set_topics(username, topics)
        roles = [{"rolename": role}]
        if not await self._is_there("createClient", username=username, password=password, roles=roles):
            await self._do("modifyClient", username=username, password=password, roles=roles)
            await self._do("enableClient", username=username)

    async def set_topics(self, username: str, topics: StationTopics) -> None:
        """Another right to each connection that is open, too; the password stays."""
        await self._do("modifyRole", rolename=role_of(username), acls=list(_acls(topics)))

    async def set_password(self, username: str, password: str) -> None:
        """The old one is worth nothing from now on, and a connection under it ends."""
        await self._do("setClientPassword", username=username, password=password)

    async def enable(self, username: str) -> None:
        await self._do("enableClient", username=username)

    async def disable(self, username: str) -> None:
        """Let it in no more, and end its connection now."""
        await self._do("disableClient", username=username)

    async def delete(self, username: str) -> bool:
        """As `disable`, and forget it with its role; whether there was such an account. What is gone already
        is no error.
        """
        answer = await self._do("deleteClient", missing_is_fine=True, username=username)
        await self._do("deleteRole", missing_is_fine=True, rolename=role_of(username))
        return "error" not in answer

    async def _is_there(self, command: str, **arguments: Any) -> bool:
        """Whether it was made; False when there was one already."""
        answer = await self._ask(command, **arguments)
        error = answer.get("error")
        if error is not None and "already exists" not in error:
            raise BrokerRefused(f"the broker answers {command} with: {error}")
        return error is None

    async def _do(self, command: str, *, missing_is_fine: bool = False, **arguments: Any) -> dict[str, Any]:
        answer = await self._ask(command, **arguments)
        error = answer.get("error")
        if error is not None and not (missing_is_fine and "not found" in error):
            raise BrokerRefused(f"the broker answers {command} with: {error}")
        return answer

    async def _ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The answer to this very command: others may administer at the same time."""
        number = f"solarrally-{self._own}-{next(self._numbers)}"
        asked = {"commands": [{"command": command, "correlationData": number, **arguments}]}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._client.publish(TOPIC, json.dumps(asked), qos=1)
                async for message in self._client.messages:
                    for answer in _answers(message.payload):
                        if answer.get("correlationData") == number:
                            return answer
        except TimeoutError as error:
            raise AnswerLost(
                f"the broker does not answer {command}: is the dynamic-security plugin loaded there, and may"
                " this account use it?"
            ) from error
        except aiomqtt.MqttError as error:
            raise AnswerLost(f"the connection to the broker was lost: {error}") from error
        raise AnswerLost("the connection to the broker was closed")


@asynccontextmanager
async def dynamic_security(
    host: str, port: int, *, username: str, password: str, tls: ssl.SSLContext | None
) -> AsyncIterator[DynamicSecurity]:
    """Connected for the length of the block. Raises `BrokerRefused`."""
    client = aiomqtt.Client(
        host,
        port,
        username=username,
        password=password,
        identifier=f"{username}-{secrets.token_hex(4)}",  # unless the broker takes the user name for it
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=tls,
        timeout=TIMEOUT_S,
    )
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as error:
        raise BrokerRefused(f"the broker at {host}:{port} does not let {username} in: {error}") from error
    try:
        try:
            granted = await client.subscribe(ANSWERS, qos=1)
        except aiomqtt.MqttError as error:
            raise BrokerRefused(f"the connection to {host}:{port} was lost: {error}") from error
        if any(getattr(one, "is_failure", one == 0x80) for one in granted):
            raise BrokerRefused(f"{username} may not administer accounts at {host}:{port}")
        yield DynamicSecurity(client)
    finally:
        await client.__aexit__(None, None, None)


def role_of(username: str) -> str:
    """Every station has its own."""
    return f"station {username}"


def _acls(topics: StationTopics) -> Iterable[dict[str, Any]]:
    for topic in topics.writes:
        yield {"acltype": "publishClientSend", "topic": topic, "allow": True}
    for topic in topics.reads:
        yield {"acltype": "publishClientReceive", "topic": topic, "allow": True}
        yield {"acltype": "subscribePattern", "topic": topic, "allow": True}


def _answers(payload: object) -> list[dict[str, Any]]:
    if not isinstance(payload, bytes | bytearray | str):
        return []
    found: list[dict[str, Any]] = json.loads(payload).get("responses", [])
    return found
