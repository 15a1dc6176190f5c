"""What a stored password costs whoever stole it."""

from __future__ import annotations

from solarrally.storage.passwords import Passwords


async def test_a_password_is_hashed_at_the_cost_that_rfc_9106_recommends() -> None:
    """Its second choice, section 4: Argon2id, 64 MiB, 3 iterations, 4 lanes. Other tests hash cheaply."""
    hashed = await Passwords().hash("a password")

    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await Passwords().is_right("a password", hashed)
