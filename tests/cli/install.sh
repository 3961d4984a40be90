# an installation finds its shipped data, compiles and runs the examples, completes, and leaves nothing behind
unset MAKEFLAGS MAKELEVEL MFLAGS
cd "$SRC"
make -s -o all install BUILD="$(dirname "$BIN")" DESTDIR="$OLDPWD/root" PREFIX=/usr >/dev/null
cd "$OLDPWD"
unset PARE_DATA
root/usr/bin/pare-trace check lenet5 | sed "s,$PWD,,"
root/usr/bin/pare-sim run lenet5 --machine loom4 --bits 4 | tail -n 1 | cut -c1-10
echo "-- pkg-config"
export PKG_CONFIG_PATH=$PWD/root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
pkg-config --modversion pare pare-traces
# shellcheck disable=SC2046
cc -o bits "$SRC/docs/examples/bits.c" $(pkg-config --cflags --libs pare) && PARE_DATA=$PWD/root/usr/share/pare ./bits cnn_small loom2
echo "-- ctypes"
sqlite3 s.sqlite <"$SRC/tests/data/sweep/example.sql"
export PARE_LIB=$PWD/root/usr/lib/libpare.so.0
python3 "$SRC/docs/examples/front.py" s.sqlite
python3 "$SRC/docs/examples/front.py" none.sqlite 2>&1
if python3 -c 'import matplotlib' 2>/dev/null; then
  python3 "$SRC/docs/examples/front.py" s.sqlite front.png >/dev/null && head -c 4 front.png | tail -c 3
else
  printf PNG # no matplotlib here: the picture is left out
fi
echo
echo "-- completion"
# shellcheck disable=SC1090
. root/usr/share/bash-completion/completions/pare-sim
. root/usr/share/bash-completion/completions/pare-train
PATH=$PWD/root/usr/bin:$PATH
complete_words() { # the words so far; the last one is completed
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  "_${1//-/_}"
  echo "$* > ${COMPREPLY[*]}"
}
complete_words pare-sim s
complete_words pare-sim run resnet1
complete_words pare-sim run --mac
complete_words pare-sim run lenet5 --machine loom
complete_words pare-sim cost lenet5 --bits resnet
complete_words pare-train ev
complete_words pare-train lenet
complete_words pare-train eval --th
echo "-- manual"
for page in root/usr/share/man/man1/*.1; do
  # every option of the program and its commands stands in the page
  name=$(basename "$page" .1)
  "root/usr/bin/$name" --help-table | awk -F'\t' '$1 == "command" { print $2 }' | while read -r c; do "root/usr/bin/$name" "$c" --help-table; done |
    awk -F'\t' '$1 == "option" { gsub(/-/, "\\\\-", $2); print "\\-\\-" $2 }' | sort -u | while read -r option; do grep -qF -- "$option" "$page" || echo "$name.1 lacks $option"; done
  grep -c '^\.SH' "$page"
done
make -s -C "$SRC" uninstall DESTDIR="$PWD/root" PREFIX=/usr
find root -type f -o -type l
