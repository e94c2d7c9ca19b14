# Sourced by the Makefile, where $python is that of the virtual environment: makes sure that a C compiler
# is there, and takes the one that PyPI carries (ziglang) where it is not.
if ! command -v "${CC:-cc}" >/dev/null 2>&1 && ! command -v gcc >/dev/null 2>&1 && ! command -v clang >/dev/null 2>&1; then
  echo "no C compiler found: taking ziglang from PyPI (or: apt-get install gcc)"
  "$python" -m pip --disable-pip-version-check install --quiet -c constraints.txt ziglang || return 1
  zig=$("$python" -c 'import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).resolve().parent / "zig")')
  # Baseline: without it zig compiles for the processor at hand, and the wheel would not travel.
  export CC="$zig cc -mcpu=baseline" AR="$zig ar"
fi
