#!/usr/bin/env bash
# A throw-away system: what is in LOWER, every change kept in memory, with systemd as its first process and a network of its own.
# Runs STATE/installed.py there; then what is left of the package is compared with LOWER.
#
#   root.sh LOWER STATE       in a mount namespace of its own, and a cgroup of its own
set -euo pipefail
lower=$1 state=$2
here=$state/system
mkdir -p "$here"
mount -t tmpfs tmpfs "$here"
mkdir "$here/upper" "$here/work" "$here/root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$here/upper,workdir=$here/work" "$here/root"

# shellcheck disable=SC2016
setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --ipc --uts --cgroup --net bash -euc '
  cd "$1/root"
  mount -t proc proc proc
  mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs tmpfs run
  mount -t tmpfs tmpfs tmp
  mount -t tmpfs tmpfs dev
  for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  mkdir -p dev/shm dev/pts run/systemd/system run/larder-test
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  mount --bind "$2" run/larder-test
  # A machine that builds packages may forbid their services to start.
  if [ -e usr/sbin/policy-rc.d ]; then
    install -m 755 /dev/stdin run/allow <<<"#!/bin/sh"
    mount --bind run/allow usr/sbin/policy-rc.d
  fi
  cat >run/systemd/system/larder-test.service <<UNIT
[Service]
Type=oneshot
TimeoutStartSec=180
StandardOutput=append:/run/larder-test/output
StandardError=append:/run/larder-test/output
ExecStart=-/usr/bin/python3 -B /run/larder-test/installed.py
ExecStopPost=/bin/systemctl exit
UNIT
  # Not chroot: from there the kernel gives no user namespace, which PrivateUsers= is.
  pivot_root . .
  umount --lazy .
  # Of the machine itself it must change nothing.
  exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-syslog,-mac_admin \
    env -i container=larder-test PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    /lib/systemd/systemd --system --unit=larder-test.service --log-target=journal --show-status=no </dev/null
' root "$here" "$state" >"$state/systemd" 2>&1 || true

# What systemd and dpkg write for themselves.
own='^(var/(log/(journal|dpkg\.log|alternatives\.log|wtmp|btmp|lastlog|private)|lib/(dpkg|systemd|private)|cache/(man|ldconfig|private|debconf)|tmp)|etc/(machine-id|mtab|\.pwd\.lock|resolv\.conf|\.updated)|run|tmp|dev|proc|sys|root)(/|$)'
# A deleted file is a character device 0,0 in an overlay.
(cd "$here/upper" && find . -mindepth 1 \( -type c -printf 'gone %P\n' -o -type d -printf 'directory %P\n' -o -printf 'file %P\n' \)) |
  while read -r kind path; do
    if [[ $path == *larder* ]] && [ "$kind" != gone ]; then echo "left behind: $path"; continue; fi
    if [[ $path =~ $own ]]; then continue; fi
    case $kind in
      gone) [ ! -e "$lower/$path" ] || echo "deleted: $path" ;;
      directory) [ -d "$lower/$path" ] || echo "left behind: $path" ;;
      file) cmp -s "$here/upper/$path" "$lower/$path" || [ -L "$lower/$path" ] || echo "changed or left behind: $path" ;;
    esac
  done >"$state/left"
