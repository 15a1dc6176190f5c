#!/bin/sh
# Runs Mosquitto, and has it read certificates, revocation lists and access lists again when one has changed.
set -eu

certs=/mosquitto/certs
config=/mosquitto/config

state() { cksum "$certs"/*.pem "$config"/*.acl; }

known=$(state)
mosquitto -c "$config/mosquitto.conf" &
broker=$!
trap 'kill -TERM "$broker" 2>/dev/null || true' TERM INT

while kill -0 "$broker" 2>/dev/null; do
    sleep 0.2
    if now=$(state 2>/dev/null) && [ "$now" != "$known" ]; then
        kill -HUP "$broker"
        known=$now
    fi
done
wait "$broker"
