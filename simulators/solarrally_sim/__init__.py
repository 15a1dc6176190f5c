"""Simulated EV charging stations on a real MQTT broker; imports nothing from the backend."""
