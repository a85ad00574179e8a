#!/bin/sh
# demo.sh - a layered build on a real root file system, from an empty directory to a cleaned-up store.
#
#   base      a root file system from Debian packages: busybox, make, tcc, the C library
#   build-1   base and a C program of four files, compiled
#   build-2   build-1 with one file changed: make compiles that one only, the times of the other
#             objects having survived the layers
#
# Exits non-zero unless unchanged objects kept their times and the changed one did not. Leaves nothing
# behind but its output. Needs: apt-get, dpkg-deb, and `moonsnap` beside it (./run demo sees to that).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
moonsnap=$here/../bin/moonsnap

# ---- where and how -------------------------------------------------------------------------------
# All mounts below live in a namespace of this script's own, so they end with it whatever happens.
if [ -z "${DEMO_INSIDE:-}" ]; then
    if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
        exec env DEMO_INSIDE=overlay unshare -m --propagation private "$0" "$@"
    elif unshare -Urm true 2>/dev/null; then
        exec env DEMO_INSIDE=overlay unshare -Urm --propagation private "$0" "$@"
    fi
    echo "Neither mounts nor user namespaces are allowed here: the same with the native driver, which copies."
    DEMO_INSIDE=native
fi
driver=$DEMO_INSIDE

place=
for candidate in "${TMPDIR:-/var/tmp}" /var/tmp /tmp /dev/shm "$HOME"; do
    [ -w "$candidate" ] || continue
    [ "$(stat -f -c %T "$candidate")" != overlayfs ] || continue
    place=$(mktemp -d "$candidate/moonsnap-demo.XXXXXX") && break
done
[ -n "$place" ] || { echo "demo: no writable directory that is not on an overlay" >&2; exit 1; }
store=$place/store
export MOONSNAP_ROOT="$store"
finish() {
    code=$?
    for target in one two; do
        umount "$place/$target" 2>/dev/null || :
    done
    chmod -R u+rwX "$place" 2>/dev/null || :
    rm -rf --one-file-system "$place"
    exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- showing -------------------------------------------------------------------------------------
bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m'); fi
times=$place/times
number=0
now() { date +%s%N; }
step() { # step TITLE: ends the step before and starts one
    done_step
    number=$((number + 1)) title=$1 started=$(now)
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$title" "$plain"
}
done_step() {
    [ "$number" = 0 ] || printf '%6d ms  %d. %s\n' $((($(now) - started) / 1000000)) "$number" "$title" >>"$times"
}
try() { # try moonsnap ARGS: shows the command and runs it
    printf '%s   $ %s%s\n' "$dim" "$*" "$plain"
    shift
    result=0
    "$moonsnap" "$@" >"$place/out" 2>&1 || result=$?
    sed 's/^/     /' "$place/out"
    [ "$result" = 0 ] || { echo "demo: moonsnap $1 ended with status $result" >&2; exit 1; }
}
quiet() { "$moonsnap" --quiet "$@"; }

# ---- the base: a root file system from packages --------------------------------------------------
step "A root file system from Debian packages"
debs=$place/debs root=$place/root
mkdir -p "$debs" "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin" "$root/proc" \
    "$root/dev" "$root/tmp" "$root/src"
for link in bin lib lib64 sbin; do ln -s "usr/$link" "$root/$link"; done
(cd "$debs" && apt-get -qq -o APT::Sandbox::User=root download busybox-static make tcc libc6 libc6-dev linux-libc-dev) >"$place/apt.log" 2>&1 ||
    { cat "$place/apt.log" >&2; echo "demo: apt-get could not download the packages (is its list current? apt-get update)" >&2; exit 1; }
for deb in "$debs"/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner \
        --exclude='./usr/share/*' --exclude='./etc/*' --exclude='*/gconv/*' --exclude='*/libc.a' \
        --exclude='*/libm*.a' --exclude='*/audit/*'
done
for name in sh ls cat sed stat mkdir echo rm cp touch tar; do
    [ -e "$root/usr/bin/$name" ] || ln -s busybox "$root/usr/bin/$name"
done
[ -e "$root/usr/bin/busybox" ] || { echo "demo: busybox-static did not bring usr/bin/busybox" >&2; exit 1; }
echo "   $(find "$debs" -name '*.deb' | wc -l) packages, $(du -sm "$root" | cut -f1) MB unpacked"
try moonsnap --driver "$driver" import base "$root"

# ---- a build, a change, a broken build -----------------------------------------------------------
step "A build in a child of it"
try moonsnap prepare work base
tar -C "$here/demo" -cf - . | quiet run work -- tar -x -f - -C /src
try moonsnap run work --workdir /src -- make
quiet run work --workdir /src -- ./words words.h | sed 's/^/     /'
try moonsnap commit build-1 work

step "One file changed in a child of that: only it is compiled"
try moonsnap prepare change build-1
quiet run change --workdir /src -- sed -i 's/words 1/words 2/' about.c
try moonsnap run change --workdir /src -- make
quiet run change --workdir /src -- ./words words.h | sed 's/^/     /'
try moonsnap commit build-2 change

stamps() { quiet run "$1" --workdir /src -- stat -c '%n %y' main.o count.o print.o about.o; }
stamps build-1 >"$place/before"
stamps build-2 >"$place/after"
kept=$(grep -c -x -F -f "$place/before" "$place/after" || :)
same_about=$(grep about.o "$place/before" | grep -c -x -F -f - "$place/after" || :)
echo "   $kept of 4 objects have the time they had in build-1, about.o $([ "$same_about" = 0 ] && echo 'has not' || echo 'has too')"
if [ "$kept" != 3 ] || [ "$same_about" != 0 ]; then
    echo "demo: unchanged objects must keep their times and about.o must not" >&2
    exit 1
fi

step "A broken build, thrown away"
printf '%s   $ moonsnap run build-2 -- (a file that does not compile)%s\n' "$dim" "$plain"
code=0
quiet run build-2 --workdir /src -- sh -c 'echo "int main(void) {" > main.c && make' >"$place/out" 2>&1 || code=$?
sed 's/^/     /' "$place/out"
echo "   it ended with status $code; build-2 is as it was:"
[ "$code" != 0 ] || { echo "demo: the broken build must fail" >&2; exit 1; }
quiet run build-2 --workdir /src -- make -q && echo "     nothing to build"

# ---- looking -------------------------------------------------------------------------------------
step "The chain, with sizes"
try moonsnap tree
step "What the second build changed"
try moonsnap diff build-2

step "Two children at the same time"
try moonsnap prepare left build-2
try moonsnap prepare right build-2
if [ "$driver" = overlay ]; then
    mkdir "$place/one" "$place/two"
    try moonsnap mount left "$place/one"
    try moonsnap mount right "$place/two"
    echo left >"$place/one/src/note" && echo right >"$place/two/src/note"
    echo "     left says '$(cat "$place/one/src/note")', right says '$(cat "$place/two/src/note")'"
    try moonsnap umount "$place/one"
    try moonsnap umount "$place/two"
else
    quiet run left -- sh -c 'echo left > /src/note'
    quiet run right -- sh -c 'echo right > /src/note'
    echo "     left says '$(quiet run left -- cat /src/note)', right says '$(quiet run right -- cat /src/note)'"
fi

# ---- going ---------------------------------------------------------------------------------------
step "Removal and cleanup"
try moonsnap rm left right build-2 build-1 base
try moonsnap cleanup
try moonsnap check
try moonsnap ls
done_step
printf '\n%sWhat each step took%s\n' "$bold" "$plain"
cat "$times"
