"""The Runtime API over one kept connection.

http.client takes several times as long as the rest of a warm invocation, so requests are written and responses are
read by hand. The server uses HTTP/1.1, no redirects and no compression.
"""

import collections
import socket

_BASE = "/2018-06-01/runtime/"
_CONNECT_TIMEOUT = 5  # seconds; requests have no timeout: next may block for hours

Invocation = collections.namedtuple(
    "Invocation", "id deadline_ms function_arn trace_id client_context identity tenant_id content_type event"
)


class Refused(Exception):
    """The Runtime API refused a request."""

    def __init__(self, path, status, body):
        Exception.__init__(
            self, "Runtime API: %s answered %d: %s" % (path, status, body.decode("utf-8", "replace").strip())
        )
        self.status = status


class RuntimeAPI:
    """A client of the Runtime API at address, which is host:port. It belongs to one thread."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._host = address
        self._socket = None
        self._received = bytearray()  # bytes that are not used yet

    def next(self):
        """Waits for an event, without a timeout."""
        headers, body = self._call("GET", "invocation/next")
        text = headers.get
        return Invocation(
            id=headers["lambda-runtime-aws-request-id"],
            deadline_ms=int(headers["lambda-runtime-deadline-ms"]),
            function_arn=text("lambda-runtime-invoked-function-arn"),
            trace_id=text("lambda-runtime-trace-id"),
            client_context=text("lambda-runtime-client-context"),
            identity=text("lambda-runtime-cognito-identity"),
            tenant_id=text("lambda-runtime-aws-tenant-id"),
            content_type=text("content-type", ""),
            event=body,
        )

    def respond(self, request_id, body, content_type):
        self._call("POST", "invocation/%s/response" % request_id, body, content_type)

    def fail(self, request_id, body, error_type):
        self._call("POST", "invocation/%s/error" % request_id, body, "application/json", error_type)

    def fail_init(self, body, error_type):
        self._call("POST", "init/error", body, "application/json", error_type)

    def _call(self, method, path, body=b"", content_type="", error_type=""):
        lines = ["%s %s%s HTTP/1.1" % (method, _BASE, path), "Host: " + self._host, "User-Agent: esm-python"]
        if method == "POST":
            lines += ["Content-Type: " + content_type, "Content-Length: %d" % len(body)]
        if error_type:
            lines.append("Lambda-Runtime-Function-Error-Type: " + error_type)
        head = "\r\n".join(lines) + "\r\n\r\n"
        status, headers, answer = self._exchange(head.encode("ascii", "replace") + body)
        if not 200 <= status < 300:
            raise Refused(path, status, answer)
        return headers, answer

    def _exchange(self, request):
        """Sends the request, and again if a kept connection has been closed."""
        kept = self._socket is not None
        try:
            return self._exchange_once(request)
        except OSError:
            self._close()
            if not kept:
                raise
        return self._exchange_once(request)

    def _exchange_once(self, request):
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _CONNECT_TIMEOUT)
            self._socket.settimeout(None)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        status, headers = self._read_head()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._read_chunks()
        else:
            body = self._take(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self._close()
        return status, headers, body

    def _read_head(self):
        lines = self._take_until(b"\r\n\r\n").decode("utf-8", "replace").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def _read_chunks(self):
        body = bytearray()
        while True:
            size = int(self._take_until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            body += self._take(size)
            self._take(2)
        while self._take_until(b"\r\n"):  # trailers
            pass
        return bytes(body)

    def _take_until(self, mark):
        """Takes the bytes before mark and removes mark."""
        while True:
            at = self._received.find(mark)
            if at >= 0:
                break
            self._receive()
        taken = bytes(self._received[:at])
        del self._received[: at + len(mark)]
        return taken

    def _take(self, size):
        while len(self._received) < size:
            self._receive()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive(self):
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionResetError("the Runtime API closed the connection")
        self._received += data

    def _close(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._received.clear()
