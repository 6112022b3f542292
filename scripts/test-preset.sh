#!/usr/bin/env bash
# Configures, builds and tests one preset of CMakePresets.json.
#
#   scripts/test-preset.sh PRESET [JOBS]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: scripts/test-preset.sh PRESET [JOBS]}
jobs=${2:-$(nproc)}
cmake --preset "$preset" --log-level=WARNING
cmake --build --preset "$preset" --parallel "$jobs"
ctest --preset "$preset" --parallel "$jobs"
