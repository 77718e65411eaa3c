#!/bin/sh
# Installs healer's agent on this machine and starts it. As root, from a folder that has deploy/agent and deploy/target side by side:
#
#   sh deploy/agent/install.sh [--package WHEEL] [INVITATION.json]
#
# What is there already is kept (agent.yaml, allow), or replaced by what comes with this script (wrapper, unit, package).
set -eu

package=healer-oncall
if [ "${1-}" = --package ]; then
  package=$2
  shift 2
fi
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR-}

[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "run it as root" >&2 && exit 1; }
python=$(command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)

install -d -m 0755 "$root/opt/healer" "$root/etc/healer" "$root/usr/local/lib/healer"
install -d -m 0700 "$root/var/lib/healer" "$root/var/lib/healer-agent"
install -m 0755 "$here/../target/healer-run" "$root/usr/local/lib/healer/healer-run"
install -D -m 0644 "$here/healer-agent.service" "$root/etc/systemd/system/healer-agent.service"
[ -e "$root/etc/healer/agent.yaml" ] || install -m 0644 "$here/agent.yaml" "$root/etc/healer/agent.yaml"
[ $# -eq 0 ] || install -m 0600 "$1" "$root/etc/healer/invitation.json"
[ -z "$root" ] || exit 0 # only the files, for whoever makes a package or an image

[ -x /opt/healer/venv/bin/python ] || "$python" -m venv /opt/healer/venv
/opt/healer/venv/bin/python -m pip --disable-pip-version-check install --quiet --upgrade "$package"
systemctl daemon-reload
systemctl enable --now healer-agent.service
[ -e /etc/healer/allow ] || echo "Nothing may run here yet: write /etc/healer/allow (healer sudoers --only allow)."
echo "The agent runs: journalctl -u healer-agent"
