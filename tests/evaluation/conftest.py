"""Pictures for the tiny judges of tests/conftest.py."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Seven noisy pictures of different sizes."""
    generator = np.random.default_rng(0)
    sizes = [(32, 32), (48, 40), (33, 90), (64, 64), (40, 41), (100, 50), (32, 47)]
    return [Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
