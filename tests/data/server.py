"""A server of one file on this machine, which serves it well or badly."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = bytes(range(256)) * 40


class Server:
    """One file, served well or badly: `mode` says how. `asked` holds the range of each request."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.mode, self.asked = "well", list[str | None]()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.mode != "no ranges" else 0
        if self.mode == "404":
            return request.send_error(404)
        if self.mode == "nonsense":
            request.wfile.write(b"I speak another language\r\n\r\n")
            return None
        if start >= len(self.content):
            return request.send_error(416)
        body = b"x" * len(self.content) if self.mode == "wrong" else self.content[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(10**18 if self.mode == "giant" else len(body)))
        request.end_headers()
        request.wfile.write(body[:3000] if self.mode == "breaks off" else body)
        return None

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
