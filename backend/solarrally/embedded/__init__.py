"""PostgreSQL, an MQTT broker and the supervisor behind `solarrally up`, on one machine and on loopback."""
