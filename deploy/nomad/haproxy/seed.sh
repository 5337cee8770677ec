#!/bin/sh
# Prepares HAPROXY_HOME before HAProxy starts. The disk is sticky: after an update of the job it holds
# what the allocation before left, so HAProxy starts with the last routes, whether or not a connector
# runs. The seed is copied where there is no configuration, and where the seed itself has changed.
set -eu
seed=$1
data=$NOMAD_ALLOC_DIR/data

# Without a container the folder of the allocation has its ID in its name. A path that stays the same
# keeps HAProxy's configuration the same.
if [ "$HAPROXY_HOME" != "$data" ]; then
  mkdir -p "$(dirname "$HAPROXY_HOME")"
  ln -sfn "$data" "$HAPROXY_HOME"
fi

cd "$HAPROXY_HOME/"
mkdir -p maps general ssl spoe spoe-transactions transactions dataplane
if ! cmp -s "$seed" seed.cfg; then
  cp "$seed" haproxy.cfg
  : >was_ready.map
  cp "$seed" seed.cfg
elif [ -s maps/nomad_ready.map ]; then
  cp maps/nomad_ready.map was_ready.map
fi
: >maps/nomad_ready.map
