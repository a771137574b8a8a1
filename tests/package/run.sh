#!/usr/bin/env bash
# The Debian package: built, looked at by lintian, and put through its life under a systemd of its own, in a system that is
# thrown away; the units, the man pages and the completion. As root.
#
#   bash tests/package/run.sh             the throw-away system is this one, with every change kept in memory
#   bash tests/package/run.sh --minimal   it is a minimal Debian with what the package depends on and nothing else (debootstrap)
#
# LARDER_BUILD_DIR names the build that is packed; without it, build/dev. Exits with 77 where a part cannot be done here.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${LARDER_BUILD_DIR:-build/dev}
minimal=no
case "${1-}" in
  '') ;;
  --minimal) minimal=yes ;;
  *) echo "package: no such option: $1 (there is --minimal)" >&2; exit 2 ;;
esac

say() { printf 'package: %s\n' "$*"; }
die() { printf 'package: %s\n' "$*" >&2; exit 1; }
left_out=()
has() { command -v "$1" >/dev/null || { left_out+=("$2 (no $1: bash config/setup.sh package)"); return 1; }; }

[ -x "$build/larder" ] || die "$build/larder is not there; build it, or name a build in LARDER_BUILD_DIR"
state=$(mktemp -d "${TMPDIR:-/tmp}/larder-package.XXXXXX")
cgroup=
# shellcheck disable=SC2317
clean() {
  trap '' INT TERM
  if [ -n "${system-}" ]; then kill -KILL "$system" 2>/dev/null || true; wait "$system" 2>/dev/null || true; fi
  if [ -n "$cgroup" ]; then
    # Its processes end with the first of them, which ends with this one's child; the kernel takes a moment.
    while grep -qs 'populated 1' "$cgroup/cgroup.events"; do read -r -t 0.02 <> <(:) || true; done
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
  fi
  rm -rf --one-file-system "$state"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the package ----------------------------------------------------------------------------------------------------

cmake --build "$build" --target package_files >"$state/log" 2>&1 || { cat "$state/log"; die "the man pages were not packed"; }
cpack --config "$build/CPackConfig.cmake" -G DEB -B "$state/made" >"$state/log" 2>&1 || { cat "$state/log"; die "cpack failed"; }
mv "$state"/made/*.deb "$state/larder.deb"
version=$(dpkg-deb --field "$state/larder.deb" Version)
say "larder $version, $(stat --format %s "$state/larder.deb") bytes; needs $(dpkg-deb --field "$state/larder.deb" Depends)"
dpkg-deb --fsys-tarfile "$state/larder.deb" | tar -x -O ./usr/share/doc/larder/changelog.gz | zcat | head -n 1 |
  grep -qF "larder ($version)" || die "config/package/changelog does not begin with $version, which is the project's version"
for file in ./usr/bin/larder ./etc/larder/larder.yaml ./etc/larder/conf.d/ ./usr/lib/systemd/system/larder.service \
  ./usr/lib/systemd/system/larder.socket ./usr/share/man/man1/larder.1.gz ./usr/share/man/man5/larder.yaml.5.gz \
  ./usr/share/bash-completion/completions/larder ./usr/share/zsh/vendor-completions/_larder ./usr/share/doc/larder/copyright; do
  dpkg-deb --fsys-tarfile "$state/larder.deb" | tar -t "$file" >/dev/null 2>&1 || die "the package has no $file"
done
if has lintian "lintian's checks"; then
  # A build for debugging may carry what a release does not; an error is one in both.
  lintian --allow-root --fail-on error --tag-display-limit 0 "$state/larder.deb" || die "lintian finds errors"
fi

# ---- units, man pages, completion -----------------------------------------------------------------------------------

if has systemd-analyze "the units' exposure"; then
  exposure=$(systemd-analyze security --offline=true --threshold=15 config/systemd/larder.service | tail -n 1) ||
    die "larder.service is exposed to more than 1.5: $exposure"
  say "${exposure#→ }"
fi
if has man "the man pages' syntax"; then
  for page in config/man/*; do
    LC_ALL=C.UTF-8 MANWIDTH=90 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>"$state/log" >/dev/null
    [ ! -s "$state/log" ] || { cat "$state/log"; die "$page has warnings"; }
  done
fi
if has mandoc "mandoc's checks of the man pages"; then
  mandoc -T lint -W warning config/man/larder.1 || die "config/man/larder.1 has warnings"
  mandoc -T lint -W error config/man/larder.yaml.5 || die "config/man/larder.yaml.5 has errors"
fi
has zsh "zsh's completion" || true
if has man "the completion"; then
  bash tests/package/completion.sh "$build/larder" || die "--help, completion and larder(1) differ"
  say "completion and larder(1) say what --help says"
fi

# ---- the package's life ---------------------------------------------------------------------------------------------

finish() {
  if [ ${#left_out[@]} -eq 0 ]; then say "passed"; exit 0; fi
  for part in "${left_out[@]}"; do say "not shown here: $part"; done
  exit 77
}
without_life() { left_out+=("the package's life under systemd: $1"); finish; }

[ "$(id -u)" -eq 0 ] || without_life "only root can make a system to throw away"
[ -x /lib/systemd/systemd ] || without_life "systemd is not installed: bash config/setup.sh package"
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || without_life "the kernel has no overlay file system"
unshare --pid --fork --mount --ipc --uts --cgroup --net true 2>/dev/null || without_life "namespaces are forbidden here"
hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ -n "$hierarchy" ] || without_life "there is no cgroup v2 hierarchy"
mkdir "$hierarchy/larder-package.$$" 2>/dev/null || without_life "$hierarchy is read-only"
cgroup=$hierarchy/larder-package.$$

lower=/
if [ "$minimal" = yes ]; then
  command -v debootstrap >/dev/null || die "--minimal wants debootstrap: bash config/setup.sh package"
  lower=$state/minimal
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 'Label: Debian' | head -n 1)
  [ -n "$mirror" ] || die "apt knows no mirror with $codename"
  say "making a minimal $codename"
  debootstrap --variant=minbase --include=systemd,python3 "$codename" "$lower" "$mirror" >"$state/log" 2>&1 ||
    { tail -n 5 "$state/log"; die "debootstrap failed"; }
  # shellcheck disable=SC2016
  unshare --mount --pid --fork bash -euc 'mount -t proc proc "$1/proc"
    DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get satisfy -y --no-install-recommends "$2"' satisfy \
    "$lower" "$(dpkg-deb --field "$state/larder.deb" Depends)" >"$state/log" 2>&1 ||
    { tail -n 5 "$state/log"; die "what the package depends on was not installed"; }
fi

dpkg-deb --raw-extract "$state/larder.deb" "$state/next"
sed -i "s/^Version: .*/Version: $version+1/" "$state/next/DEBIAN/control"
echo '# A later version says more.' >>"$state/next/etc/larder/larder.yaml"
sed -i 's/later version says/later version/' "$state/next/etc/larder/larder.yaml"
dpkg-deb --root-owner-group --build "$state/next" "$state/next.deb" >/dev/null
rm -rf "$state/next"
cp tests/package/installed.py "$state/"
# shellcheck disable=SC2016
setpriv --pdeathsig KILL bash -euc 'echo $$ >"$1/cgroup.procs"; shift; exec unshare --mount --propagation private bash "$@"' system \
  "$cgroup" tests/package/root.sh "$lower" "$state" &
system=$!
wait "$system" || { cat "$state/systemd"; die "the throw-away system was not made"; }
system=
cat "$state/output" 2>/dev/null || { cat "$state/systemd"; without_life "systemd does not start in a namespace here"; }
[ -e "$state/passed" ] || die "the package's life went wrong"
[ ! -s "$state/left" ] || { cat "$state/left"; die "purging left that"; }
say "purging left nothing"
finish
