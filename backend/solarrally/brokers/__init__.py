"""Adapters to message brokers: each is a `solarrally.ingest.ports.Broker`."""
