#!/bin/sh
# The first step: builds the image, and makes passwords, keys and certificates in docker/secrets/.
#
#   docker/init.sh [--simulator] [HOST ...]
#
# HOST: names and addresses that chargers reach the broker by; this machine's name without one.
# --simulator: also the account and the listener of the simulated fleet (profile `simulator`).
# Run it again at any time: what is there stays, what is missing is made.
set -eu
cd "$(dirname "$0")"

command -v docker >/dev/null || { echo "init.sh needs docker: https://docs.docker.com/engine/install/" >&2; exit 1; }
docker compose version >/dev/null 2>&1 || {
    echo "init.sh needs docker's compose plugin, 2.24 or newer: https://docs.docker.com/compose/install/" >&2; exit 1; }
docker compose build migrate

# As root inside, so that each file can be given to whom reads it; nothing but this folder is visible there.
mkdir -p secrets
exec docker run --rm --network none --read-only --tmpfs /tmp --user 0:0 \
    --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER \
    --security-opt no-new-privileges \
    --volume "$PWD:/docker" --env SOLARRALLY_CA_PASSPHRASE \
    "${SOLARRALLY_IMAGE:-solarrally:local}" \
    python /docker/make_secrets.py --owner "$(id -u):$(id -g)" --default-host "$(hostname)" "$@"
