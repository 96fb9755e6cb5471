#!/bin/sh
# Makes a fresh Debian or Ubuntu machine ready, and is done at once when it already is.
#
#   scripts/bootstrap.sh run      what `make run` needs: base and mcp
#   scripts/bootstrap.sh test     that and the tools of `make test`
#   scripts/bootstrap.sh system [run|test]   only the system packages, as for an image
#
# SETUP_NO_SYSTEM=1  leaves the system's packages alone.
# PYTHON=...         the Python to use, 3.11 or newer.
#
# POSIX sh, because a fresh machine has no more. The list of packages is scripts/system-deps.toml.
set -eu
cd "$(dirname "$0")/.."

profile=${1:-run}
only_system=
[ "$profile" = system ] && { only_system=1; profile=${2:-run}; }
case $profile in
run | test) ;;
*) echo "scripts/bootstrap.sh: there is no profile '$profile'. There are: run, test." >&2; exit 2 ;;
esac

say() { echo "setup: $*" >&2; }
stop() { echo "setup: $*" >&2; exit 1; }

# ---------------------------------------------------------------- what we may do here
install="apt-get install -y --no-install-recommends"

may_install() {  # asks sudo only when something is missing; sets as_root
    [ -z "${SETUP_NO_SYSTEM:-}" ] && command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then as_root=env; elif sudo -n true 2>/dev/null; then as_root="sudo -n env"; else return 1; fi
}

apt_install() {  # names; stdout stays free for what the caller prints
    say "installing $*"
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update </dev/null >/dev/null || return 1
    # shellcheck disable=SC2086
    $as_root DEBIAN_FRONTEND=noninteractive $install -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >/dev/null
}

# ---------------------------------------------------------------- Python
find_python() {
    for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

if ! find_python; then
    # a python3 that is new enough, on systems whose own one is older (Ubuntu 22.04), has its number
    names="python3 python3-venv"
    if python3 -c 'import sys; sys.exit(sys.version_info >= (3, 11))' 2>/dev/null; then names="python3.11 python3.11-venv"; fi
    # shellcheck disable=SC2086
    if may_install; then apt_install $names || true; fi
    find_python || stop "Python 3.11 or newer with venv is missing. Run: sudo $install $names"
fi

# ---------------------------------------------------------------- system packages
if [ -z "${SETUP_NO_SYSTEM:-}" ]; then
    missing=$("$python" scripts/system_deps.py missing "$profile")
    if [ -n "$missing" ] && may_install; then
        # shellcheck disable=SC2086
        apt_install $missing || true
        missing=$("$python" scripts/system_deps.py missing "$profile")
    fi
    if [ -n "$missing" ]; then
        command=$("$python" scripts/system_deps.py command "$profile")
        stop "system packages are missing. Run: $command"
    fi
fi
[ -z "$only_system" ] || exit 0

# ---------------------------------------------------------------- virtual environment and packages
# Ours alone: whatever environment the caller is in must not get our packages.
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT CONDA_PREFIX PYTHONHOME PYTHONPATH 2>/dev/null || true
export UV_PYTHON_DOWNLOADS=never

stamp=.venv/.loom-setup
state="$(cat uv.lock pyproject.toml scripts/bootstrap.sh | sha256sum | cut -c1-64) $PWD"
alive=
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    alive=1
fi
if [ -n "$alive" ] && [ -f "$stamp" ]; then
    was=$(cat "$stamp")
    [ "$was" = "$profile $state" ] && exit 0
    [ "$was" = "test $state" ] && exit 0            # has all that `run` needs
    case $was in
    *" $PWD") ;;
    *) alive= ;;                                    # the folder was moved: its scripts point elsewhere
    esac
    case $was in "test "*) profile=test ;; esac     # stays complete when the lock changed
fi
if [ -z "$alive" ]; then
    say "making .venv with $("$python" --version 2>&1)"
    rm -rf .venv
    "$python" -m venv .venv || stop "the virtual environment could not be made in $PWD/.venv."
fi
rm -f "$stamp"

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    uv=.venv/bin/uv
    [ -x "$uv" ] || .venv/bin/python -m pip install -q --disable-pip-version-check 'uv>=0.9,<1' >&2 || uv=
fi

case $profile in
run) set -- --no-dev; lock=base ;;
test) set -- --extra embed; lock=dev ;;
esac
say "installing the locked packages ($profile)"
# The project itself is not built for its own checkout: that would need a build backend that no
# lock names, and would leave copies of app/ and resources/ behind. A path and a script are enough.
set -- --no-install-project --extra mcp "$@"
if [ -n "$uv" ] && "$uv" sync -q --frozen --compile-bytecode --python .venv/bin/python "$@" </dev/null >&2; then
    :
else
    say "uv could not do it; trying pip with requirements/$lock.lock"
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "requirements/$lock.lock" >&2 ||
        stop "the locked packages could not be installed. Is there a network, and room on the disk?"
fi
.venv/bin/python scripts/link_checkout.py
# without compiled modules the first start takes twice as long
.venv/bin/python -m compileall -q -j 0 app loom_desktop >/dev/null 2>&1 || true
echo "$profile $state" >"$stamp"
say "ready"
