#!/usr/bin/env bash
# Run the mutants of one area in a copy of the work tree and print those that survive: run.sh AREA [MUTANTS [SEED]]
# The session stays in .cache/mutation: `cosmic-ray exec` continues an interrupted run, `cr-report` shows its state.
set -euo pipefail
cd "$(dirname "$0")/../.."
area=$1 mutants=${2:-} seed=${3:-1}
config=tools/mutation/$area.toml session=$PWD/.cache/mutation/$area.sqlite copy=$PWD/.cache/mutation/$area
[ -f "$config" ] || { echo "there is no $config" >&2; exit 2; }
export PATH="$PWD/.venv/dev/bin:$PATH"

rm -rf "$copy" "$session"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard --deduplicate |
    while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
    xargs -0 cp --parents --target-directory="$copy"
cp --parents --target-directory="$copy" layers/vectord/vectord/index/kernels/native.abi3.so  # which git ignores
cd "$copy"
python -m compileall -q layers tests tools  # cosmic-ray runs the tests without writing bytecode

cosmic-ray init "$config" "$session"
cr-filter-operators "$session" tools/mutation/operators.toml
python -m tools.mutation.sample "$session" --seed "$seed" ${mutants:+--mutants "$mutants"}
cosmic-ray baseline "$config"  # fails if the tests fail without a mutant
cosmic-ray exec "$config" "$session"
cr-report --surviving-only --show-diff "$session"
