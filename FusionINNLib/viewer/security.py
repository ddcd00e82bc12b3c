"""Who may talk to the server: the browser that was given the token, from a page of this very server."""
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

REFUSED = "Refused: open the address that 'fusioninn view' printed, with the token in it."
_HEADERS = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    # Whatever the page is made of, its browser fetches nothing from elsewhere. Vue compiles its templates, hence 'unsafe-eval'.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
                               "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; object-src 'none'; "
                               "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"}


class Gate:
    """Lets requests through that carry the token: in the address of the first, in a cookie after that.

    A name that somebody else's page had resolve to this machine, or a request from such a page, is refused whatever it carries.
    """

    def __init__(self, token: str | None = None):
        self.token = token or secrets.token_urlsafe(24)

    def admits(self, request: web.BaseRequest) -> bool:
        """Whether a request may be answered."""
        return self._is_ours(request) and (self._same(request.query.get("token")) or self._same(request.cookies.get(_cookie(request))))

    def _is_ours(self, request: web.BaseRequest) -> bool:
        host = request.headers.get("Host", "")
        if host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
            return False
        return request.headers.get("Origin", f"http://{host}") == f"http://{host}"

    def _same(self, given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def middleware(self):
        """For an aiohttp application."""
        @web.middleware
        async def look(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
            if not self.admits(request):
                return web.Response(status=403, text=REFUSED, headers=_headers(request))
            response = await handler(request)
            if not response.prepared:
                response.headers.update(_headers(request))
                if "token" in request.query:
                    response.set_cookie(_cookie(request), self.token, httponly=True, samesite="Strict", path="/")
            return response

        return look


def _cookie(request: web.BaseRequest) -> str:
    """Cookies know no ports: a name for each, so that two servers do not take each other's away."""
    return "fusioninn_" + request.headers.get("Host", "").rpartition(":")[2]


def _headers(request: web.BaseRequest) -> dict[str, str]:
    sockets = f"ws://{request.headers.get('Host', '127.0.0.1')}"
    return {name: value.format(sockets=sockets) for name, value in _HEADERS.items()}
