#!/usr/bin/env bash
# A real SLURM of one node on this machine, for the tests: munged, slurmctld and slurmd, all that they write in one folder.
#   one_node_slurm.sh start FOLDER     and then: export SLURM_CONF=FOLDER/slurm.conf
#   one_node_slurm.sh stop FOLDER
# It needs root and Debian's slurm-wlm, no systemd and no cgroups. Two jobs of one processor run at once.
set -euo pipefail
export PATH="$PATH:/usr/sbin"
folder=$(realpath -m "$2")
export SLURM_CONF="$folder/slurm.conf"

write_settings() {
    local host first
    host=$(hostname -s)
    first=$((20000 + $$ % 10000 * 2)) # ports: nobody else's slurmctld and slurmd
    # a requeued job waits for as long as its old credential lives: cred_expire
    cat > "$SLURM_CONF" << END
ClusterName=dbexp
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$first
SlurmdPort=$((first + 1))
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
JobRequeue=1
ReturnToService=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

start() {
    mkdir -p "$folder/munge" "$folder/state" "$folder/spool"
    write_settings
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
    # --force: a temporary folder need not be everybody's
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
        --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" 2> "$folder/munge/warnings"
    slurmctld -f "$SLURM_CONF"
    slurmd -f "$SLURM_CONF"
    for _ in $(seq 100); do
        [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ] && return
        sleep 0.2
    done
    tail -n 20 "$folder"/*.log >&2
    stop
    exit 1
}

stop() {
    local file pid
    scancel --me --signal=KILL 2> /dev/null || true
    for file in "$folder/slurmd.pid" "$folder/slurmctld.pid" "$folder/munge/pid"; do
        pid=$(cat "$file" 2> /dev/null) || continue
        kill "$pid" 2> /dev/null || continue
        for _ in $(seq 50); do
            kill -0 "$pid" 2> /dev/null || break
            sleep 0.1
        done
    done
}

"$1"
