# The first process of fresh namespaces: builds a root of its own, enters it, gives up the old one for good
# and becomes the command. Everything comes in as an argument; nothing is pasted into this text.
#
#   enter.sh NEW_ROOT FILES PIDS PLACE... -- COMMAND...
#
# Whatever fails ends it: a box that is not whole is no box.
set -eu

# Whoever started us may have left files open; these are as many as a shell can close.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-

new=$1 files=$2 pids=$3
shift 3

mount -t tmpfs -o mode=0755,size=16m ostler "$new"
mkdir "$new/workspace" "$new/proc" "$new/dev" "$new/dev/shm" "$new/tmp" "$new/.old"

# What may be read. The host's own links (/bin -> usr/bin) stay links.
while [ "$1" != -- ]; do
    place=$1
    shift
    [ -e "$place" ] || continue
    mkdir -p "$new${place%/*}"
    if [ -L "$place" ]; then
        ln -s "$(readlink "$place")" "$new$place"
        continue
    fi
    if [ -d "$place" ]; then mkdir -p "$new$place"; else : >"$new$place"; fi
    mount --rbind "$place" "$new$place"
done
shift
# A bind takes the mounts below it along, each of which keeps its own flags: seal every one.
while read -r _ at _; do
    case $at in "$new"/*) mount -o remount,bind,ro,nosuid,nodev "$at" ;; esac
done </proc/self/mounts

for device in null zero full random urandom; do
    : >"$new/dev/$device"
    mount --bind "/dev/$device" "$new/dev/$device"
done
ln -s /proc/self/fd "$new/dev/fd"
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev shm "$new/dev/shm"
mount -t tmpfs -o mode=1777,size=1g,nosuid,nodev tmp "$new/tmp"
mount --bind "$files" "$new/workspace"
mount -o remount,bind,nosuid,nodev "$new/workspace"

# Containers may forbid a fresh /proc; an empty one is as safe. Where root started us, the files of /proc/sys
# are root's to write whatever the namespace, so they are sealed as well.
if mount -t proc -o nosuid,nodev,noexec proc "$new/proc" 2>/dev/null; then
    [ "$pids" = 0 ] || echo "$pids" >"$new/proc/sys/kernel/pid_max"
    for part in bus fs irq sys sysrq-trigger; do
        [ -e "$new/proc/$part" ] || continue
        mount --bind "$new/proc/$part" "$new/proc/$part"
        mount -o remount,bind,ro,nosuid,nodev,noexec "$new/proc/$part"
    done
    for part in kcore keys kmsg timer_list; do
        if [ -e "$new/proc/$part" ]; then mount --bind /dev/null "$new/proc/$part"; fi
    done
fi
# Tests like to speak to themselves; no other interface exists here.
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || :

cd "$new"
pivot_root . .old
umount -l .old
rmdir .old
mount -o remount,bind,ro,nosuid,nodev /
cd /workspace
unset OLDPWD
exec "$@"
