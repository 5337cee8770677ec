#!/bin/sh
# What `docker compose up` shows once everything runs. Ends with 0 if all of it came true.
set -eu

url=http://haproxy:8000/
host=web.example.com
log=/tmp/answers

say() { printf '\n== %s\n' "$*"; }
ask() { wget -q -T 5 -O - --header "Host: $host" "$url" 2>/dev/null; }

# Asks without a pause until /tmp/stop is there; one line for each answer.
load() {
  until [ -e /tmp/stop ]; do
    ask >>"$log" || printf 'failed' >>"$log"
    echo >>"$log"
  done
}

count() { grep -c "$1" "$log" || true; }

# until_true CONDITION...: waits for up to 30 seconds.
until_true() {
  for _ in $(seq 30); do
    "$@" && return 0
    sleep 1
  done
  return 1
}

answers() { [ "$(ask)" = "$1" ]; }
routed_no_more() { ! ask >/dev/null; }

# Says what Nomad said only if it failed.
run_job() { nomad job run "$@" /demo/web.nomad.hcl >/tmp/nomad 2>&1 || { cat /tmp/nomad; exit 1; }; }

say 'The connector routes the service that Nomad runs'
until_true answers v1 || { echo "no answer for $host"; exit 1; }
echo "GET $url with Host: $host: $(ask)"

say 'A rolling update to v2, under requests'
rm -f "$log" /tmp/stop
load &
run_job -var app_version=v2
touch /tmp/stop
wait
echo "answered by v1: $(count v1), by v2: $(count v2), failed: $(count failed)"
until_true answers v2 && [ "$(count failed)" = 0 ] || { echo 'clients saw the update'; exit 1; }

say 'The job is stopped'
nomad job stop -purge -detach web >/dev/null
until_true routed_no_more || { echo "$host is still routed"; exit 1; }
echo "$host is routed no more"

say 'And started again'
run_job -detach -var app_version=v3
until_true answers v3 || { echo "no answer for $host"; exit 1; }
echo "GET $url with Host: $host: $(ask)"

say "Done. Try it: curl -H 'Host: $host' http://127.0.0.1:${HTTP_PORT:-8000}/"
