"""What the libraries say to others than dbexp's user."""

import warnings

import pytest

from dbexp import quiet

HINT = "The `srun` command is available on your system but is not used. HINT: If your intention is to run ..."


@pytest.mark.parametrize("inside", [False, True])
def test_advice_about_srun_is_for_jobs_of_slurm(inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    if inside:
        monkeypatch.setenv("SLURM_JOB_ID", "7")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        quiet.libraries()
        warnings.warn(HINT, stacklevel=1)
    assert len(told) == inside
