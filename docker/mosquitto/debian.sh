#!/bin/sh
# Debian's Mosquitto, without containers, set up with this folder's files: docker/mosquitto/debian.sh [PKI]
#
# As root. PKI (pki) is the folder that `solarrally stations` made. Run it again whenever that has changed, which
# is what --reload is for: `solarrally stations revoke ID --reload 'sudo docker/mosquitto/debian.sh pki'`.
# It replaces mosquitto.conf (the one before is kept as mosquitto.conf.before) and never an account.
set -eu
umask 027

here=$(dirname "$0")
pki=${1:-pki}
config=${CONFIG:-/etc/mosquitto}
data=${DATA:-/var/lib/mosquitto}
certs=$config/certs
owner=${OWNER:-mosquitto}
plugin=$(dpkg -L mosquitto | grep mosquitto_dynamic_security.so) || {
    echo "debian.sh needs Debian's package mosquitto: apt install mosquitto" >&2; exit 1; }
[ -e "$pki/broker/broker.pem" ] || {
    echo "no $pki/broker/broker.pem: \`solarrally stations server-certificate HOST\` makes it" >&2; exit 1; }

# Mosquitto 2.0 counts its memory wrongly: with each account that is changed it believes to have less than
# before, in the end more than there is, and takes nothing from anybody (github.com/eclipse-mosquitto/mosquitto,
# #3287, #3192). Without the limit it does not ask.
case $(mosquitto -h | sed -n 's/^mosquitto version //p') in
    2.0.* | '') uncounted='/^memory_limit /d' ;;
    *) uncounted= ;;
esac

group=$(id -gn "$owner")
before=$(cksum "$config/mosquitto.conf" "$certs"/*-ca.pem 2>/dev/null || true)
install -d -m 755 "$config"
install -d -o "$owner" -g "$group" -m 700 "$certs" "$data"
# Key before certificate, and each file whole: what reads in between reads the old one.
for file in broker.key broker.pem devices-ca.pem devices-crl.pem services-ca.pem services-crl.pem; do
    install -o "$owner" -g "$group" -m 600 "$pki/broker/$file" "$certs/.$file.new"
    mv "$certs/.$file.new" "$certs/$file"
done
install -o "$owner" -g "$group" -m 600 "$here/devices.acl" "$here/services.acl" "$config/"
[ -e "$data/dynamic-security.json" ] ||
    install -o "$owner" -g "$group" -m 600 "$pki/broker/dynamic-security.json" "$data/"
sed -e "$uncounted" -e "s#/mosquitto/config/#$config/#" -e "s#/mosquitto/certs/#$certs/#" \
    -e "s#/mosquitto/data/#$data/#" -e "s#/usr/lib/mosquitto_dynamic_security.so#$plugin#" \
    "$here/mosquitto.conf" > "$config/.mosquitto.conf.new"
if ! cmp -s "$config/.mosquitto.conf.new" "$config/mosquitto.conf"; then
    [ ! -e "$config/mosquitto.conf" ] || mv "$config/mosquitto.conf" "$config/mosquitto.conf.before"
fi
mv "$config/.mosquitto.conf.new" "$config/mosquitto.conf"
chmod 644 "$config/mosquitto.conf"

# Authorities and listeners are read at the start only; certificates, lists and rights also at SIGHUP.
if [ "$before" = "$(cksum "$config/mosquitto.conf" "$certs"/*-ca.pem)" ]; then
    ${RELOAD:-systemctl reload-or-restart mosquitto}
else
    ${RESTART:-systemctl restart mosquitto}
fi
