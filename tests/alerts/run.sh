#!/usr/bin/env bash
# Each alert fires in its scenario (alerts.yaml), and not in that of a healthy larder.
set -euo pipefail
cd "$(dirname "$0")"
command -v promtool >/dev/null || { echo "promtool is missing: bash config/setup.sh alerts"; exit 77; }
promtool check rules ../../config/prometheus-alerts.yaml
for alert in $(sed -n 's/^ *- alert: //p' ../../config/prometheus-alerts.yaml); do
  [ "$(grep -c "alertname: $alert\$" alerts.yaml)" -ge 2 ] || { echo "alerts.yaml needs two tests of $alert: one in which it fires, one in which it does not"; exit 1; }
done
promtool test rules alerts.yaml
