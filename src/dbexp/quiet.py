"""Keeps the libraries' advice out of what dbexp tells its user; their errors, and Lightning's and torch's warnings,
stay.
"""

import logging
import os
import warnings


def imports() -> None:
    """Call before transformers or diffusers is imported: both talk of optional parts (torchvision) that dbexp does not
    use.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")


def libraries() -> None:
    """Silence bars of a few milliseconds and hints about settings that dbexp chose on purpose; download bars stay."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    for library in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    hints = [
        "does not have many workers",
        "in eval mode at the start of training",
        "isinstance.treespec, LeafSpec",
    ]
    if "SLURM_JOB_ID" not in os.environ:  # on a cluster's login node, or where only its programs are installed
        hints.append("srun. command is available on your system but is not used")
    for hint in hints:
        warnings.filterwarnings("ignore", message=f".*{hint}.*")
