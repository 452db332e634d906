# What every study's `run` begins with. Runs lie in STUDIES (studies); what is done there is not done again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
study=experiments/$(basename "$(dirname "$(realpath "$0")")")
python=${STUDY_PYTHON:-.venv/bin/python}
studies=${STUDIES:-studies}

sweep() { # words of a command line; four pictures a prompt
  $python -m dbexp "$@" "sweeps=$studies" sampling.num_images=4 sampling.batch_size=16 logger=none
}

# name of the part, folders and options of dbexp.compare, then -- and what was expected: 'key | score direction | smallest'.
# Verdicts, answer and table are kept beside the study; the page too, which git leaves out.
compare() {
  local out=$study told='' runs=()
  [ "$1" = . ] || out+=/$1
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do runs+=("$1"); shift; done
  mkdir -p "$out"
  : > "$out/verdict.md"
  if [ $# -eq 0 ]; then # nothing was expected: what there is
    $python -m dbexp.compare "${runs[@]}" --out "$out" | grep -vE "^$out/[^ ]+\.(html|csv|yaml)$" > "$out/verdict.md"
  fi
  for expected in "${@:2}"; do
    IFS='|' read -r key score smallest <<< "${expected// | /|}"
    told=$($python -m dbexp.compare "${runs[@]}" --axis "$key" --expect "$score" --smallest "$smallest" --out "$out" | grep -vE "^$out/[^ ]+\.(html|csv|yaml)$")
    printf '%s\n\n' "$(head -n 1 <<< "$told")" >> "$out/verdict.md"
  done
  [ -z "$told" ] || tail -n +3 <<< "$told" >> "$out/verdict.md"
  cat "$out/verdict.md"
}
