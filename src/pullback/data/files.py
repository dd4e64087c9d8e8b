"""Files of a published data set: where they are looked for, how they are fetched and proved whole.

Only a copy that has been proved is ever put into the cache.
"""

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from pullback.core.errors import DataError
from pullback.data.published import PublishedFile

VARIABLE: Final = "PULLBACK_DATA"


@final
@dataclass(frozen=True)
class Collection:
    """Files that are published together: `folders` are where they may lie inside a data folder."""

    name: str
    folders: tuple[str, ...]
    mirrors: tuple[str, ...]
    files: tuple[PublishedFile, ...]

    def load(self, root: str | os.PathLike[str] | None) -> list[Any]:
        """Return what each file holds: found in `root`, `$PULLBACK_DATA` or the cache, else downloaded.

        A download goes into `root` if that is given, else into the cache.
        """
        return [self._load(file, root) for file in self.files]

    def _load(self, file: PublishedFile, root: str | os.PathLike[str] | None) -> Any:
        places = list(self._places(root))
        for place in places:
            for name in file.names:
                if (place / name).is_file():
                    return file.read(place / name)
        return self._download(file, Path(root).expanduser() if root else places[-1], places)

    def _places(self, root: str | os.PathLike[str] | None) -> Iterator[Path]:
        if root:
            yield from (Path(root).expanduser() / folder for folder in dict.fromkeys(("", *self.folders)))
        if base := os.environ.get(VARIABLE):
            yield from (Path(base).expanduser() / folder for folder in self.folders)
        yield cache_folder() / self.name

    def _download(self, file: PublishedFile, target: Path, places: list[Path]) -> Any:
        """Fetch a file into `target` from the first mirror that gives a copy that can be proved."""
        urls = [f"{mirror}{file.name}" for mirror in self.mirrors]
        facts: dict[str, object] = {"file": file.said, "looked in": "\n".join(map(str, places))}
        put = f"put the file into {target}, or name its folder in ${VARIABLE}"
        pooch = _pooch()
        if pooch is None:
            raise DataError(
                f"{self.name}: a file is missing, and pooch, which would download it, is not installed",
                **facts,
                source="\n".join(urls),
                fix=f"pip install 'pullback[data]'; or {put}",
            )
        failures = []
        try:
            target.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.TemporaryDirectory(dir=target)
        except OSError as error:
            raise DataError(
                f"{self.name}: a file is missing, and the folder for it cannot be written",
                **facts,
                folder=target,
                got=error,
                fix=f"name another folder: {self.name}(root=…), or ${VARIABLE}",
            ) from error
        with scratch as folder:
            for url in urls:
                path = Path(folder, file.name)
                try:
                    _fetch(pooch, url, path)
                    found = file.read(path)
                except (OSError, DataError) as error:  # a failed request is an OSError
                    failures.append(f"{url}\n  {textwrap.shorten(_reason(error), 160)}")
                else:
                    path.replace(target / path.name)
                    return found
        raise DataError(
            f"{self.name}: a file is missing and could not be downloaded",
            **facts,
            tried="\n".join(failures),
            fix=f"connect to the network; or {put}",
        )


def _fetch(pooch: Any, url: str, path: Path) -> None:
    """Download `url` to `path` under a progress bar, which is off where there is no terminal."""
    from tqdm import tqdm  # only a download draws a bar

    # pooch sets the total; until then the bar needs some total, for only that makes it true.
    with tqdm(desc=path.name, total=1, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        pooch.HTTPDownloader(progressbar=bar)(url, str(path), None)


def _reason(error: Exception) -> str:
    return error.what if isinstance(error, DataError) else f"{type(error).__name__}: {error}"


def cache_folder() -> Path:
    """Return the user's folder for files that can be fetched again."""
    pooch = _pooch()
    if pooch is None:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pullback"
    return Path(pooch.os_cache("pullback"))


def _pooch() -> Any:
    """Return pooch, which downloads and knows each system's folders, or None where it is not installed."""
    try:
        import pooch  # an extra, and only files that are not at hand need it
    except ImportError:
        return None
    return pooch
