#!/bin/sh
# Installs ktx and its runtime from the unpacked bundle that this file lies in. Contacts nobody.
#
#   sh install.sh [--prefix DIR] [options of ktx setup]
#
# It needs sh, sed, grep, find, sort, cp and one of sha256sum, shasum, openssl. ktx goes to DIR/lib/ktx/<version>, and DIR/bin/ktx
# starts it; DIR is ~/.local. On a terminal the wizard asks what to install; elsewhere all that the bundle holds is.
# Who made the bundle is checked before: see docs/air-gap.md.
set -eu

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
if [ "${1-}" = --prefix ]; then
  [ $# -ge 2 ] || fail '--prefix needs a folder'
  prefix=$2
  shift 2
else
  [ -n "${HOME-}" ] || fail 'there is no HOME: name a folder with --prefix DIR'
  prefix=$HOME/.local
fi
case $prefix in
  *"'"* | *'
'*) fail "the folder may not contain a quote or a line break: $prefix" ;;
esac
mkdir -p -- "$prefix" || fail "cannot make the folder $prefix"
prefix=$(CDPATH='' cd -- "$prefix" && pwd -P)

case $(uname -s)-$(uname -m) in
  Linux-x86_64 | Linux-amd64) platform=linux-x64 ;;
  Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
  Darwin-arm64) platform=darwin-arm64 ;;
  Darwin-x86_64) platform=darwin-x64 ;;
  *) fail "there is no ktx for $(uname -s) on $(uname -m)" ;;
esac
[ -f "$here/bundle.json" ] || fail "$here is not an unpacked bundle: it has no bundle.json"
[ -f "$here/node/$platform/node" ] || fail "this bundle holds no Node for $platform; see ls $here/node"

# Lines as sha256sum reads them, of what is about to be run.
list=$(sed -n '
/"path": "/{
s/.*"path": "\([^"]*\)".*/\1/
h
}
/"sha256": "/{
s/.*"sha256": "\([^"]*\)".*/\1/
G
s/\n/  /
p
}' "$here/bundle.json" | grep -E "  (app/.*|node/$platform/node)\$")
# Nothing else may lie among it: Node would load a planted module.
names=$(printf '%s\n' "$list" | sed 's/^[0-9a-f]*  //' | LC_ALL=C sort)
found=$(cd "$here" && find app "node/$platform" ! -type d | LC_ALL=C sort)
[ "$names" = "$found" ] || fail 'the folder holds other files than the bundle lists: unpack it anew, into an empty folder'
check() {
  (cd "$here" && printf '%s\n' "$list" | "$@" >/dev/null) || fail 'the bundle is damaged: copy it again'
}
if command -v sha256sum >/dev/null; then
  check sha256sum -c -
elif command -v shasum >/dev/null; then
  check shasum -a 256 -c -
else
  printf '%s\n' "$list" | while read -r sha256 path; do
    [ "$(openssl dgst -sha256 -r "$here/$path" | cut -c1-64)" = "$sha256" ] ||
      fail "the bundle is damaged: $path"
  done
fi

version=$(sed -n 's/^  "cliVersion": "\([0-9A-Za-z.+-]*\)",$/\1/p' "$here/bundle.json")
[ -n "$version" ] || fail 'bundle.json names no version'
target=$prefix/lib/ktx/$version
new=$target.new.$$
trap 'rm -rf -- "$new" "$target.old.$$"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p -- "$new" "$prefix/bin"
cp -R "$here/app" "$new/app"
cp "$here/node/$platform/node" "$new/node"
chmod -R u+w,go-w "$new"
chmod 755 "$new/node"
if [ "$platform" = darwin-arm64 ] || [ "$platform" = darwin-x64 ]; then
  xattr -dr com.apple.quarantine "$new" 2>/dev/null || :
fi
"$new/node" --version >/dev/null 2>&1 ||
  fail "the Node of the bundle does not run here: Linux needs glibc 2.28 or newer and libstdc++ ($("$new/node" --version 2>&1 | head -n 1))"
if [ -e "$target" ]; then mv -- "$target" "$target.old.$$"; fi
mv -- "$new" "$target"
start=$prefix/bin/ktx
printf "#!/bin/sh\nexec '%s/node' '%s/app/bin/ktx.cjs' \"\$@\"\n" "$target" "$target" >"$start.new.$$"
chmod 755 "$start.new.$$"
mv -- "$start.new.$$" "$start"
rm -rf -- "$target.old.$$"
trap - EXIT
printf 'ktx %s is in %s\n' "$version" "$target"
case ":$PATH:" in
  *":$prefix/bin:"*) ;;
  *) printf 'Put %s into PATH to type ktx.\n' "$prefix/bin" ;;
esac

if [ -t 0 ] && [ -t 1 ]; then
  exec "$start" setup --bundle "$here" "$@"
fi
case " $* " in
  *' --feature '* | *' --feature='*) ;;
  *) if grep -q '^    "local-embeddings"' "$here/bundle.json"; then set -- --feature local-embeddings "$@"; fi ;;
esac
exec "$start" setup --yes --bundle "$here" "$@"
