"""One number for a run between the two corners. It knows numbers alone, so that pages need no judge to show it."""

from collections.abc import Mapping


def balance(
    values: Mapping[str, float], ignorer: Mapping[str, float], copier: Mapping[str, float], likeness: str = "dino"
) -> float:
    """How far between the two corners, in [0, 1]: half DINO's way from the ignorer to the copier, half CLIP-T's way
    from the copier to the ignorer. Either corner itself has 0.5.

    Args:
        likeness: the score of DINO that is meant, "dino_patches" for a look or a place.
    """
    ways = [
        (values[likeness] - ignorer[likeness]) / max(copier[likeness] - ignorer[likeness], 1e-6),
        (values["clip_t"] - copier["clip_t"]) / max(ignorer["clip_t"] - copier["clip_t"], 1e-6),
    ]
    return sum(min(1.0, max(0.0, way)) for way in ways) / 2
