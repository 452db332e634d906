# What every study's `run` begins with. Runs lie in STUDIES (studies); what is done there is not done again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
study=experiments/$(basename "$(dirname "$(realpath "$0")")")
python=${PYTHON:-.venv/bin/python}
studies=${STUDIES:-studies}

sweep() { # words of a command line; four pictures a prompt
  $python -m dbexp "$@" "sweeps=$studies" sampling.num_images=4 sampling.batch_size=16 logger=none
}

compare() { # name of the part, then what dbexp.compare is asked; its words are kept beside the study
  mkdir -p "$study/$1"
  $python -m dbexp.compare "${@:2}" --out "$study/$1" | tee /dev/stderr | grep -v '^/' > "$study/$1/verdict.md"
}
