"""Who starts a run's processes."""

import pytest
from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment

from dbexp.job import cluster


@pytest.mark.filterwarnings("ignore:.*srun. command")
def test_slurm_s_processes_are_its_own_and_are_not_requeued_by_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NTASKS", "PROCID", "JOB_NAME"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    assert cluster() == []
    monkeypatch.setenv("SLURM_NTASKS", "1")  # as in a shell that salloc opened
    (alone,) = cluster()
    assert isinstance(alone, LightningEnvironment)
    monkeypatch.setenv("SLURM_PROCID", "0")
    (started,) = cluster()
    assert isinstance(started, SLURMEnvironment) and not started.auto_requeue
