# What the cases of the machine matrix share. Given: NODE, LAUNCHER (the program), SEED (a runtime root's uv/ with everything for core),
# ROOT (a folder of this case). Everything runs in namespaces of its own: mounts and leftover processes go with the case.
set -u
export H="$ROOT/home"
CLEAN="env -i PATH=${CASE_PATH:-/usr/local/bin:/usr/bin:/bin} LANG=C.UTF-8"

# Gives a home everything that an install needs, as hard links.
stock() {
  mkdir -p "$1/.ktx/runtime/uv"
  cp -rl "$SEED/." "$1/.ktx/runtime/uv/"
}
# Runs ktx in a clean environment: ktx [NAME=value…] <arguments>
ktx() {
  local vars=()
  while [[ "${1:-}" == *=* && "${1:-}" != -* ]]; do vars+=("$1"); shift; done
  $CLEAN HOME="$H" "${vars[@]}" "$NODE" "$LAUNCHER" "$@" 2>&1
}
setup() {
  local vars=()
  while [[ "${1:-}" == *=* && "${1:-}" != -* ]]; do vars+=("$1"); shift; done
  ktx "${vars[@]}" setup --yes --plain --offline --feature core "$@"
}
# The plan alone: which Python, and why not others.
plan() {
  local vars=()
  while [[ "${1:-}" == *=* && "${1:-}" != -* ]]; do vars+=("$1"); shift; done
  ktx "${vars[@]}" setup --dry-run --yes --plain --offline --feature core --python system "$@"
}
# The system's fitting interpreters are not there.
hide_pythons() {
  local path
  for path in /usr/bin/python3.1[1-9] /usr/local/bin/python3.1[1-9]; do
    [ -e "$path" ] && mount --bind /dev/null "$(readlink -f "$path")"
  done
  true
}
# Also the one that the PID namespace's own was mounted over.
no_proc() { while umount -l /proc 2>/dev/null; do :; done; }
# Until no daemon runs; half a minute at most.
until_gone() {
  local turn
  for turn in $(seq 300); do ps -eo args= | grep -q '^/[^ ]*python.* serve-http' || return 0; sleep 0.1; done
}
# An interpreter by version, of those that this machine has: python_of 3.12
python_of() { ls -d "$PYENV/versions/$1".*/bin/python"$1" 2>/dev/null | tail -1; }
# An installation of conda, as far as its Python can tell: a prefix of its own, which is no virtual environment.
conda_at() {
  local python; python=$(python_of 3.12)
  mkdir -p "$1/bin" "$1/conda-meta"
  cp "$python" "$1/bin/python"
  ln -s "$(dirname "$(dirname "$python")")/lib" "$1/lib"
}

stock "$H"
cd "$ROOT"
