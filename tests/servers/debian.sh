#!/bin/sh
# Installs the real servers that tests start, from Debian's packages: only what is missing, only as root, only where apt is.
# Elsewhere it says what is missing and goes on; the tests that need it then say so themselves.
set -eu

PATH=$PATH:/usr/sbin:/sbin
# Debian keeps the server's own programs of PostgreSQL off the PATH.
for each in /usr/lib/postgresql/*/bin; do PATH=$PATH:$each; done
missing=
for wanted in sshd:openssh-server prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager \
  strace:strace visudo:sudo logrotate:logrotate initdb:postgresql; do
  command -v "${wanted%%:*}" >/dev/null || missing="$missing ${wanted#*:}"
done
[ -n "$missing" ] || exit 0

install="apt-get install --no-install-recommends$missing"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Missing for some tests:$missing. As root, on Debian: $install" >&2
  exit 0
fi

# The packages would start their servers on their default ports. While policy-rc.d says 101, nothing is started.
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
mine=
[ -e $policy ] || mine=$policy
trap 'rm -f "$log" $mine' EXIT
trap 'exit 1' INT TERM
[ -z "$mine" ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy; }

echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 - a list of words
if ! { apt-get update && apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
