#!/bin/sh
# HAProxy on the folder that it shares with the Data Plane API. The first start copies the two
# configurations there: the Data Plane API replaces both files, which mounted ones wouldn't allow.
set -eu
cd /srv/haproxy
mkdir -p maps general ssl spoe spoe-transactions transactions dataplane
[ -f haproxy.cfg ] || cp /demo/haproxy.cfg /demo/dataplaneapi.yaml .
exec haproxy -W -db -S /srv/haproxy/master.sock,mode,600 -f /srv/haproxy/haproxy.cfg
