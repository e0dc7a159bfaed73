# SPDX-License-Identifier: ISC
"""A small client of docs/protocol.md, written from its text and from nothing else."""
import socket
import struct

HELLO, SUBMIT, PUT, PUT_DATA, PUT_END, GET, STATUS = 1, 2, 3, 4, 5, 6, 7
WELCOME, RECEIPT, REJECTION, ERROR, DATA, END, READY, STORED, STATE = (
    0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89)

ENOTFOUND, EACCES, EPROTOCOL, EBUSY, ESTOPPED, EFORMAT, ETOOBIG = -12, -15, -20, -21, -26, -4, -7
CHUNK = 65536


def state_of(payload):
    assert payload.endswith(b"\n")
    return dict(line.split(" ", 1) for line in payload.decode("ascii").splitlines())


def frame(kind, request, payload=b""):
    return struct.pack(">IBI", 5 + len(payload), kind, request) + payload


class Closed(Exception):
    pass


class Client:
    """Blocking, with a deadline on every wait."""

    def __init__(self, path, hello=b"", version=1, greet=True, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.buffer = b""
        self.next = 1
        self.ledger = self.checkpoint = None
        if greet:
            request = self.next
            try:
                self.send(HELLO, struct.pack(">HH", version, len(hello)) + hello)
            except BrokenPipeError:
                pass  # turned away before it could greet: what the daemon said is still there
            kind, answered, payload = self.receive()
            if kind == ERROR:
                raise Refused(payload)
            assert (kind, answered) == (WELCOME, request)
            number, self.ledger, size = struct.unpack(">H32sH", payload[:36])
            assert number == 1
            self.checkpoint = payload[36:]
            assert len(self.checkpoint) == size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, kind, payload=b"", request=None):
        if request is None:
            request = self.next
            self.next += 1
        self.sock.sendall(frame(kind, request, payload))
        return request

    def receive(self):
        while True:
            if len(self.buffer) >= 4:
                size = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + size:
                    kind, request = struct.unpack(">BI", self.buffer[4:9])
                    payload = self.buffer[9:4 + size]
                    self.buffer = self.buffer[4 + size:]
                    return kind, request, payload
            more = self.sock.recv(1 << 20)
            if not more:
                raise Closed()
            self.buffer += more

    def is_closed(self):
        """Waits until the daemon has closed the connection; what it says before is dropped."""
        try:
            while True:
                self.receive()
        except (Closed, ConnectionResetError, BrokenPipeError):
            return True

    def ask(self, kind, payload=b""):
        request = self.send(kind, payload)
        answer, answered, body = self.receive()
        assert answered == request
        return answer, body

    def submit(self, submission):
        return self.ask(SUBMIT, submission)

    def get(self, path):
        """The resource, or the status of the error."""
        request = self.send(GET, path.encode())
        out = []
        while True:
            kind, answered, payload = self.receive()
            assert answered == request
            if kind == DATA:
                out.append(payload)
            elif kind == END:
                return b"".join(out)
            else:
                assert kind == ERROR
                return status_of(payload)

    def put(self, digest, data):
        """STORED, or the status of the error."""
        request = self.send(PUT, digest + struct.pack(">Q", len(data)))
        kind, answered, payload = self.receive()
        assert answered == request
        if kind == READY:
            for i in range(0, len(data), CHUNK):
                self.send(PUT_DATA, data[i:i + CHUNK], request)
            self.send(PUT_END, b"", request)
            kind, answered, payload = self.receive()
            assert answered == request
        return STORED if kind == STORED else status_of(payload)

    def state(self):
        kind, payload = self.ask(STATUS)
        assert kind == STATE
        return state_of(payload)


class Refused(Exception):
    def __init__(self, payload):
        super().__init__(payload[4:].decode("ascii"))
        self.status = status_of(payload)


def status_of(payload):
    return struct.unpack(">i", payload[:4])[0]
