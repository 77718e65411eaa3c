#!/bin/sh
# Installs healer's agent on this machine and starts it. As root, from a folder that has deploy/agent and deploy/target side by side:
#
#   sh deploy/agent/install.sh [--package WHEEL] [INVITATION.json]
#
# What is there already is kept (agent.yaml, allow), or replaced by what comes with this script (wrapper, unit, package); then
# the agent is started anew, and what it has under way goes on.
set -eu

package=healer-oncall
if [ "${1-}" = --package ]; then
  package=$2
  shift 2
fi
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR-}

refuse() {
  echo "$1" >&2
  exit 1
}

if [ -z "$root" ]; then
  [ "$(id -u)" = 0 ] || refuse "run it as root"
  for tool in flock setsid prlimit timeout; do
    command -v "$tool" >/dev/null || refuse "there is no $tool here: install util-linux and coreutils"
  done
  for python in python3.13 python3.12 python3.11 python3 ""; do
    [ -n "$python" ] || refuse "there is no Python 3.11, 3.12 or 3.13 with venv here (Debian: apt install python3 python3-venv)"
    "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && break
  done
fi

install -d -m 0755 "$root/opt/healer" "$root/etc/healer" "$root/usr/local/lib/healer"
install -d -m 0700 "$root/var/lib/healer" "$root/var/lib/healer-agent"
install -m 0755 "$here/../target/healer-run" "$root/usr/local/lib/healer/healer-run"
install -D -m 0644 "$here/healer-agent.service" "$root/etc/systemd/system/healer-agent.service"
[ -e "$root/etc/healer/agent.yaml" ] || install -m 0644 "$here/agent.yaml" "$root/etc/healer/agent.yaml"
[ $# -eq 0 ] || install -m 0600 "$1" "$root/etc/healer/invitation.json"
[ -z "$root" ] || exit 0 # only the files, for whoever makes a package or an image

[ -x /opt/healer/venv/bin/python ] || "$python" -m venv /opt/healer/venv
/opt/healer/venv/bin/python -m pip --disable-pip-version-check install --quiet --upgrade "$package"
[ -e /etc/healer/allow ] || echo "Nothing may run here yet: write /etc/healer/allow (healer sudoers --only allow)."
if [ ! -d /run/systemd/system ]; then
  echo "There is no systemd here. Let whatever starts services keep this running, as root:"
  echo "  /opt/healer/venv/bin/healer agent --config /etc/healer/agent.yaml"
  exit 0
fi
systemctl daemon-reload
systemctl enable --quiet healer-agent.service
systemctl restart healer-agent.service
echo "The agent runs: journalctl -u healer-agent"
