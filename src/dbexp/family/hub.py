"""Finds a checkpoint on the Hub or in its cache. It knows repositories, commits and files; it does not know what
they mean.

One question with a short timeout comes first: the client's own calls retry for minutes where there is no network.
"""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import constants, model_info, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from dbexp.errors import UserError
from dbexp.family.files import SMALL_FILES, list_files
from dbexp.family.weights import first_line

TIMEOUT_SECONDS = 10.0

# what a missing network, proxy or server raises: the base of the client's HTTP library, whichever that is, and OSError
UNREACHABLE: tuple[type[BaseException], ...] = (*HfHubHTTPError.__bases__, OSError)


class HubAwayError(Exception):
    """The Hub did not answer and the cache does not have the model; the text says why."""


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository.

    Attributes:
        folder: where its small files lie.
        commit: full commit hash.
        files: all its files, as relative names; offline, those that are cached.
        online: whether the Hub answered.
        scratch: the temporary folder that holds `folder`, kept alive with it.
    """

    folder: Path
    commit: str
    files: frozenset[str]
    online: bool
    scratch: TemporaryDirectory[str] | None = None


def look(repo: str, revision: str | None, *, dry: bool) -> Snapshot:
    """Find a repository and have its small files at hand.

    Args:
        dry: leave nothing on the disk that was not there: files that are not cached go to a temporary folder.
    Raises:
        UserError: the Hub says that there is no such model or revision, or that it is gated.
        HubAwayError: no answer, and nothing in the cache.
    """
    try:
        info = model_info(repo, revision=revision, timeout=TIMEOUT_SECONDS)
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise UserError(refusal(repo, revision, error)) from error
    except UNREACHABLE as error:
        return cached_snapshot(repo, revision, reason=first_line(error))
    files = frozenset(sibling.rfilename for sibling in info.siblings or [])
    commit = str(info.sha)
    small = [name for name in files if any(fnmatch(name, pattern) for pattern in SMALL_FILES)]
    if dry and not all(isinstance(try_to_load_from_cache(repo, name, revision=commit), str) for name in small):
        scratch = TemporaryDirectory(prefix="dbexp-")
        return Snapshot(fetch_small(repo, commit, scratch.name), commit, files, online=True, scratch=scratch)
    if dry:
        return Snapshot(
            Path(constants.HF_HUB_CACHE) / folder_name(repo) / "snapshots" / commit, commit, files, online=True
        )
    # asked by the user's revision, not by commit, so that the cache remembers which commit it stood for
    folder = fetch_small(repo, revision, None)
    return Snapshot(folder, folder.name, files, online=True)


def folder_name(repo: str) -> str:
    """The folder that the cache keeps a model repository in."""
    return "models--" + repo.replace("/", "--")


def fetch_small(repo: str, revision: str | None, cache_dir: str | None) -> Path:
    """Download configs and tokenizers, a few MB at most."""
    try:
        return Path(snapshot_download(repo, revision=revision, cache_dir=cache_dir, allow_patterns=list(SMALL_FILES)))
    except UNREACHABLE as error:
        raise UserError(broke_off(repo, error)) from error


def broke_off(repo: str, error: BaseException) -> str:
    return f"The download of {repo} broke off ({first_line(error)}): run it again, what has arrived is kept."


def cached_snapshot(repo: str, revision: str | None, reason: str) -> Snapshot:
    """What the cache has of a repository.

    Raises:
        HubAwayError: nothing.
    """
    index = try_to_load_from_cache(repo, "model_index.json", revision=revision)
    if not isinstance(index, str):
        raise HubAwayError(
            f"{repo} is not in the cache ({constants.HF_HUB_CACHE}) and the Hub ({constants.ENDPOINT}) does "
            f"not answer ({reason})"
        )
    folder = Path(index).parent
    return Snapshot(folder, folder.name, list_files(folder), online=False)


def refusal(repo: str, revision: str | None, error: Exception) -> str:
    """What the Hub's answer means for the person who asked."""
    if isinstance(error, RevisionNotFoundError):
        return (
            f"{repo} has no revision {revision!r} on the Hub: leave model.revision out, or name a branch, "
            "tag or commit it has."
        )
    if isinstance(error, GatedRepoError):
        return f"{repo} is gated: accept its terms at {constants.ENDPOINT}/{repo} and log in with `hf auth login`."
    return (
        f"model.checkpoint={repo} is neither a folder here nor a model on the Hub: correct it, or, if it "
        "is a private model, log in with `hf auth login`."
    )
