"""Identities for stations and for the backend: certificates, passwords at the broker, things at AWS IoT."""
