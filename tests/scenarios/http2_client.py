"""HTTP/1.1 on one side, HTTP/2 on the other, so that scenarios written for one run with the other.

A Bridge has the methods of a socket that the harness's Client uses. What is sent to it as HTTP/1.1 goes out as streams of one connection;
their responses are read from it as HTTP/1.1, in the order of the requests. What cannot be said in HTTP/2 is an assertion.
"""

import collections
import io
import select
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

CONNECTION_FIELDS = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"}


class Stream:
    def __init__(self, identifier, method):
        self.identifier = identifier
        self.method = method
        self.output = bytearray()  # of the response, as HTTP/1.1
        self.unacknowledged = 0
        self.is_chunked = False
        self.ended = False
        self.reset = False


class Bridge:
    def __init__(self, connection, scheme):
        self.socket = connection
        self.scheme = scheme
        self.lock = threading.RLock()  # one thread may send while another reads; nobody waits with it
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="latin-1", validate_outbound_headers=False))
        self.h2.initiate_connection()
        self.input = b""  # HTTP/1.1, not yet sent
        self.body = None  # of the request under way: bytes left, or "chunked"
        self.sending = None
        self.streams = {}
        self.order = collections.deque()
        self.is_over = False
        self.progress = time.monotonic()
        self.patience = connection.gettimeout()
        self._flush()

    # ---- what a socket has

    def settimeout(self, seconds):
        self.patience = seconds
        self.socket.settimeout(seconds)

    def setsockopt(self, *arguments):
        self.socket.setsockopt(*arguments)

    def close(self):
        self.socket.close()

    def makefile(self, _):
        return io.BufferedReader(_Reader(self))

    def sendall(self, data):
        self.input += bytes(data)
        self.progress = time.monotonic()
        while self._take():
            pass

    # ---- requests

    def _take(self):
        """Sends a part of the input; False if more is needed."""
        if self.sending is not None:
            return self._take_body()
        self.input = self.input.lstrip(b"\r\n") if self.input.strip(b"\r\n") else self.input
        head, found, rest = self.input.partition(b"\r\n\r\n")
        if not found:
            return False
        self.input = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        named = collections.defaultdict(list)
        for name, value in pairs:
            named[name.lower()].append(value)
        authority = named["host"][0]
        scheme = self.scheme
        if "://" in target:
            scheme, _, rest_of_target = target.partition("://")
            authority, slash, path = rest_of_target.partition("/")
            target = slash + path or "/"
        fields = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", target)]
        listed = {element.strip().lower() for value in named["connection"] for element in value.split(",")}
        fields += [(name.lower(), value) for name, value in pairs if name.lower() not in CONNECTION_FIELDS | listed and (name.lower() != "te" or value == "trailers")]
        length = int(named["content-length"][0]) if named["content-length"] else 0
        self.body = "chunked" if named["transfer-encoding"] else length
        while self.h2.open_outbound_streams >= self.h2.remote_settings.max_concurrent_streams:
            self._receive()
        with self.lock:
            stream = Stream(self.h2.get_next_available_stream_id(), method)
            self.streams[stream.identifier] = stream
            self.order.append(stream)
            self.h2.send_headers(stream.identifier, fields, end_stream=self.body == 0)
            if self.body != 0:
                self.sending = stream
            self._flush()
        return True

    def _take_body(self):
        if self.body == "chunked":
            line, found, rest = self.input.partition(b"\r\n")
            size = int(line.split(b";")[0], 16) if found else 0
            if not found or len(rest) < size + 2 or (size == 0 and b"\r\n" not in rest):
                return False
            self.input = rest[size + 2 :]
            self._send_data(rest[:size], ends=size == 0)
            if size == 0:
                self.sending = None
            return True
        if not self.input:
            return False
        piece, self.input = self.input[: self.body], self.input[self.body :]
        self.body -= len(piece)
        stream = self.sending
        if self.body == 0:
            self.sending = None
        self._send_data(piece, ends=self.body == 0, stream=stream)
        return True

    def _send_data(self, data, ends, stream=None):
        stream = stream or self.sending
        while True:
            if stream.reset or stream.ended or self.is_over:  # the rest is not wanted
                return
            with self.lock:
                room = max(0, min(self.h2.local_flow_control_window(stream.identifier), self.h2.max_outbound_frame_size))
                piece = data[:room]
                if piece or not data:
                    data = data[len(piece) :]
                    self.h2.send_data(stream.identifier, piece, end_stream=ends and not data)
                    self._flush()
                    if not data:
                        return
            if not piece:
                self._receive()
            while self._has_input():
                self._receive()

    def _has_input(self):
        pending = getattr(self.socket, "pending", lambda: 0)
        return not self.is_over and (pending() or bool(select.select([self.socket], [], [], 0)[0]))

    def _flush(self):
        with self.lock:
            try:
                self.socket.sendall(self.h2.data_to_send())
            except OSError:
                self.is_over = True

    # ---- responses

    def _receive(self):
        # For a moment: what the caller waits for may have been received by another thread.
        if not self._has_input():
            select.select([self.socket], [], [], 0.05)
            if time.monotonic() > self.progress + self.patience:
                raise TimeoutError("nothing has been received")
        with self.lock:
            self.progress = max(self.progress, time.monotonic() if self._has_input() else 0)
            if not self._has_input():  # another thread has read it
                return
            self.socket.settimeout(0)  # a part of a TLS record may be there
            try:
                data = self.socket.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except ConnectionError:
                data = b""
            finally:
                self.socket.settimeout(self.patience)
            if not data:
                self.is_over = True
                return
            try:
                events = self.h2.receive_data(data)
            except h2.exceptions.ProtocolError:
                self.is_over = True
                raise
            for event in events:
                self._handle(event)
            self._flush()

    def _handle(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, (h2.events.ResponseReceived, h2.events.InformationalResponseReceived)):
            fields = [(name, value) for name, value in event.headers if not name.startswith(":")]
            status = int(dict(event.headers)[":status"])
            final = status >= 200
            has_length = any(name == "content-length" for name, _ in fields)
            if final and not has_length and stream.method != "HEAD" and status not in (204, 304) and event.stream_ended is None:
                stream.is_chunked = True
                fields.append(("transfer-encoding", "chunked"))
            elif final and not has_length and event.stream_ended is not None and stream.method != "HEAD" and status not in (204, 304):
                fields.append(("content-length", "0"))
            stream.output += f"HTTP/1.1 {status} \r\n".encode() + "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1") + b"\r\n"
        elif isinstance(event, h2.events.DataReceived):
            stream.unacknowledged += event.flow_controlled_length
            if event.data:
                stream.output += b"%x\r\n%s\r\n" % (len(event.data), event.data) if stream.is_chunked else event.data
        elif isinstance(event, h2.events.StreamEnded):
            if stream.is_chunked:
                stream.output += b"0\r\n\r\n"
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = True

    def read_some(self, most):
        """The next bytes of the responses; none at the end of the connection, or where a response has been cut off."""
        self.progress = time.monotonic()
        while True:
            with self.lock:
                piece = self._next_piece(most)
            if piece is not None:
                return piece
            self._receive()

    def _next_piece(self, most):
        while True:
            if self.order:
                stream = self.order[0]
                if stream.output:
                    piece = bytes(stream.output[:most])
                    del stream.output[:most]
                    if stream.unacknowledged and not stream.output:
                        try:
                            self.h2.acknowledge_received_data(stream.unacknowledged, stream.identifier)
                        except h2.exceptions.ProtocolError:  # the stream has been closed
                            pass
                        stream.unacknowledged = 0
                        self._flush()
                    return piece
                if stream.ended:
                    self.order.popleft()
                    continue
                if stream.reset:
                    return b""
            return b"" if self.is_over else None


class _Reader(io.RawIOBase):
    def __init__(self, bridge):
        super().__init__()
        self.bridge = bridge

    def readable(self):
        return True

    def readinto(self, room):
        piece = self.bridge.read_some(len(room))
        room[: len(piece)] = piece
        return len(piece)
