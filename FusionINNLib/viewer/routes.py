"""What the server answers beside the page itself: files in, results out."""
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from FusionINNLib.errors import FusionINNError
from FusionINNLib.viewer.inputs import SLOTS
from FusionINNLib.viewer.uploads import Uploads

ZIP = "fusioninn-result.zip"


class Routes:
    """Answers `POST upload/<slot>` and `GET download/<number>/fusioninn-result.zip`.

    load: takes a slot and the path of what came, which is its to drop, and raises a FusionINNError where it cannot be used.
    """

    def __init__(self, uploads: Uploads, load):
        self._uploads, self._load = uploads, load
        self._results: dict[str, Path] = {}

    def table(self) -> list[web.RouteDef]:
        """For an aiohttp application."""
        return [web.post("/upload/{slot}", self.upload), web.get(f"/download/{{number}}/{ZIP}", self.download)]

    async def upload(self, request: web.Request) -> web.Response:
        """Take files for a slot; 200, or 422 with the sentence for the user, which `load` may have told on its own."""
        slot = request.match_info["slot"]
        if slot not in SLOTS:
            raise web.HTTPNotFound
        try:
            await self._load(slot, await self._uploads.receive(_parts(request)))
        except FusionINNError as problem:
            return web.Response(status=422, text=str(problem))
        return web.Response(text="loaded")

    def offer(self, folder: Path) -> str:
        """Pack a result folder; the address from which it can be downloaded. The folder goes away, and so do earlier results."""
        for earlier in self._results.values():
            earlier.unlink(missing_ok=True)
        number = str(len(self._results) + 1)
        archive = shutil.make_archive(str(self._uploads.new_folder() / "result"), "zip", folder.parent, folder.name)
        shutil.rmtree(folder)
        self._results[number] = Path(archive)
        return f"download/{number}/{ZIP}"

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Hand out a packed result."""
        archive = self._results.get(request.match_info["number"])
        if archive is None or not archive.is_file():
            raise web.HTTPNotFound
        headers = {"Content-Disposition": f'attachment; filename="{ZIP}"', "Content-Type": "application/zip"}
        return web.FileResponse(archive, headers=headers)


async def _parts(request: web.Request) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
    if not request.content_type.startswith("multipart/"):
        return
    async for part in await request.multipart():
        if part.filename is not None:
            yield part.filename, _pieces(part)


async def _pieces(part) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(2 ** 20):
        yield piece
