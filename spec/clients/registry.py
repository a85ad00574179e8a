"""A registry of one image, from the directory of its OCI layout: what a pull needs of the distribution API.

    registry.py LAYOUT

Prints its port, then serves on the loopback interface until its input ends.
"""
import http.server
import json
import pathlib
import re
import sys
import threading

LAYOUT = pathlib.Path(sys.argv[1])
MANIFEST = json.loads((LAYOUT / "index.json").read_text())["manifests"][0]


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def found(self):
        """The digest, type and content that the path means."""
        what = re.match(r"/v2/.+/(manifests|blobs)/([^/]+)$", self.path)
        if not what:
            return None
        digest = what[2] if ":" in what[2] else MANIFEST["digest"]
        blob = LAYOUT / "blobs" / digest.replace(":", "/")
        kind = MANIFEST["mediaType"] if what[1] == "manifests" else "application/octet-stream"
        return (digest, kind, blob.read_bytes()) if blob.exists() else None

    def answer(self, with_body):
        digest, kind, content = ("", "text/plain", b"") if self.path == "/v2/" else self.found() or (None, "", b"")
        self.send_response(404 if digest is None else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", kind)
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def do_GET(self):
        self.answer(True)

    def do_HEAD(self):
        self.answer(False)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print("port", server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
