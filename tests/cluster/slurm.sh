#!/usr/bin/env bash
# A plan of two tiny runs on a real Slurm of one node, which this script starts and shuts down. It is not part of pytest,
# because it needs root and packages.
#
#   apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge
#   pip install -e '.[cluster]'
#   sudo tests/cluster/slurm.sh [PYTHON]          (PYTHON: .venv/bin/python if not given)
#
# Everything lives in one temporary folder (munge key and socket, slurm.conf, spool, logs): no file under /etc is read or
# written, and no cgroup or accounting database is used. Prints "slurm: passed" and exits 0, or prints the logs and exits 1.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
python=$(realpath -s "${1:-$here/.venv/bin/python}")
for tool in munged slurmctld slurmd srun sbatch squeue scontrol; do
  command -v "$tool" >/dev/null || { echo "$tool not found: apt-get install slurm-wlm munge" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "run as root: slurmd starts jobs for users" >&2; exit 2; }

work=$(mktemp -d)
pids=()
finish() {
  status=$?
  scancel --user root 2>/dev/null || true
  for _ in $(seq 20); do [ -z "$(squeue -h 2>/dev/null)" ] && break; sleep 0.5; done
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  sleep 2
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  if [ $status -ne 0 ]; then tail -n 25 "$work"/*.log "$work"/out/jobs/*.err 2>/dev/null || true; fi
  rm -rf "$work"
  exit $status
}
trap finish EXIT

host=$(hostname -s)
mkdir "$work"/{munge,state,spool}
chmod 755 "$work"
head -c 1024 /dev/urandom > "$work/munge/key"
chmod 600 "$work/munge/key"
chmod 700 "$work/munge"
mkdir -m 755 "$work/run"
cat > "$work/slurm.conf" <<CONF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/run/munge.socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/run/slurmctld.pid
SlurmdPidFile=$work/run/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf

munged --foreground --force --key-file="$work/munge/key" --socket="$work/run/munge.socket" --pid-file="$work/run/munged.pid" \
  --log-file="$work/munged.log" --seed-file="$work/munge/seed" 2> "$work/munged.err" & pids+=($!)
until [ -S "$work/run/munge.socket" ]; do sleep 0.1; done
slurmctld -D -f "$SLURM_CONF" > "$work/slurmctld.log" 2>&1 & pids+=($!)
slurmd -D -f "$SLURM_CONF" > "$work/slurmd.log" 2>&1 & pids+=($!)
for _ in $(seq 60); do
  state=$(sinfo -h -o %T 2>/dev/null || true)
  [ "$state" = idle ] && break
  sleep 0.5
done
[ "$state" = idle ] || { echo "the node did not come up: $state" >&2; exit 1; }
echo "slurm: $(sinfo --version), node $(sinfo -h -o '%N %T %C')"

cat > "$work/plan.toml" <<'PLAN'
name = "two"
[defaults]
width = 16
heads = 2
batch = 8
bits = 4
steps = 10
polish = 5
eval_size = 8
[[runs]]
architecture = ["external/peri", "internal/post"]
PLAN
cd "$here"
export PYTHONPATH=$here OMP_NUM_THREADS=1
loopstab() { "$python" -m loopstab "$@"; }

# 1: the plan through Slurm and without it: the same ids in the same order, with the same accuracy and weights.
loopstab grid submit --plan "$work/plan.toml" --out "$work/out" --partition all --job-minutes 10 --json > "$work/report.json"
loopstab grid run --plan "$work/plan.toml" --out "$work/twin" --json > "$work/twin.json"
"$python" - "$work" <<'CHECK'
import json, sys
from pathlib import Path
import torch
from loopstab.models.network.checkpoint import Checkpoint
work = Path(sys.argv[1])
report, twin = (json.loads((work / f"{name}.json").read_text()) for name in ("report", "twin"))
assert report["done"] == twin["done"] == 2 and not report["failed"], report
lines = [[json.loads(line) for line in (work / name / "results.jsonl").read_text().splitlines()] for name in ("out", "twin")]
for a, b in zip(*lines, strict=True):
    assert (a["id"], a["architecture"], a["accuracy"]) == (b["id"], b["architecture"], b["accuracy"])
    x, y = (Checkpoint.load(work / name / "runs" / a["id"] / "model.safetensors").tensors for name in ("out", "twin"))
    assert all(torch.equal(x[k], y[k]) for k in x)
print("slurm: two runs done, equal to the bit to those without Slurm")
CHECK

# 2: a finished plan submits nothing; a killed job is reported, and the same command resumes it.
[ -z "$(squeue -h)" ]
loopstab grid submit --plan "$work/plan.toml" --out "$work/out" --json | grep -q '"done": 2'
sed -i -e 's/steps = 10/steps = 100000/' -e 's/bits = 4/bits = 64/' -e 's/, "internal\/post"//' "$work/plan.toml"
(for _ in $(seq 120); do ls "$work"/long/runs/*/state.safetensors >/dev/null 2>&1 && break; sleep 0.5; done
 scancel --full --signal=KILL --user root) &
status=0
loopstab grid submit --plan "$work/plan.toml" --out "$work/long" --json > "$work/killed.json" || status=$?
[ $status = 1 ] && grep -q "ended without a result" "$work/killed.json" || { cat "$work/killed.json"; exit 1; }
echo "slurm: a killed job is reported"
loopstab grid submit --plan "$work/plan.toml" --out "$work/long" --budget-minutes 0.2 --json | grep -q '"left": 1'
echo "slurm: it resumes and keeps the budget"
echo "slurm: passed"
