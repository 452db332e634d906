"""What the scores count, on numbers whose answer is known."""

import pytest
import torch

from dbexp.mini.pretrain.scores import hits, nudged


def test_hits_are_rows_whose_likest_word_is_the_truth() -> None:
    likeness = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert hits(likeness, ("dog", "cat"), ["dog", "cat", "cat"]) == pytest.approx(2 / 3)


def test_the_judges_views_are_the_picture_and_its_mirror_image_up_to_a_pixel_aside() -> None:
    pixel_values = torch.rand(2, 3, 8, 8)
    views = nudged(pixel_values)
    assert len(views) == 18 and {view.shape for view in views} == {pixel_values.shape}
    assert torch.equal(views[4], pixel_values) and torch.equal(views[13], pixel_values.flip(3))
    assert torch.equal(views[0][..., 1:, 1:], pixel_values[..., :-1, :-1])
