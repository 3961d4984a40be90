# an installation finds its shipped data and leaves nothing behind
unset MAKEFLAGS MAKELEVEL MFLAGS
cd "$SRC"
make -s -o all install BUILD="$(dirname "$BIN")" DESTDIR="$OLDPWD/root" PREFIX=/usr >/dev/null
cd "$OLDPWD"
unset PARE_DATA
root/usr/bin/pare-trace check lenet5 | sed "s,$PWD,,"
root/usr/bin/pare-sim run lenet5 --machine loom4 --bits 4 | tail -n 1 | cut -c1-10
make -s -C "$SRC" uninstall DESTDIR="$PWD/root" PREFIX=/usr
find root -type f
