"""HTTP/2 clients: curl, nghttp and Node's http2, each with what it is used for. Browsers: tests/browser. Python's h2: the scenarios' core."""

import json
import shutil
import subprocess

import pytest
from certificates import authority
from harness import PATIENCE, Larder, reply

HOUR = "  - {path: /list, ttl: 1h, fields: [id]}\n  - {path: /up, cache: off}\n  - {path: /**, ttl: 1h}"
LISTEN = f'{{address: "127.0.0.1:0", tls: {{{authority().files("server")}}}}}'
ROWS = json.dumps([{"id": i, "text": "t" * 50} for i in range(200)]).encode()


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE * 2, check=False, **more)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()[-1000:]
    return done.stdout


@pytest.fixture
def larder(origin):
    origin.on("/list", reply(200, {"Content-Type": "application/json", "ETag": '"v1"'}, ROWS))
    origin.on("/up", lambda exchange: reply(200, {}, exchange.request.body)).on("/large", reply(200, {}, b"x" * 500_000))
    with Larder(origin, routes=HOUR, listen=LISTEN) as it:
        yield it


def test_curl(larder, tmp_path):
    base = "https://localhost:%d" % larder.address[1]
    curl = ("curl", "-sS", "--http2", "--cacert", str(authority().ca), "-w", "\n%{http_version} %{http_code}")
    body, _, last = run(*curl, "--compressed", f"{base}/list").rpartition(b"\n")
    assert last == b"2 200" and json.loads(body) == [{"id": i} for i in range(200)]
    tag = next(line.split(": ", 1)[1] for line in run(*curl, "-I", f"{base}/list").decode().splitlines() if line.startswith("etag"))
    assert run(*curl, "-H", f"If-None-Match: {tag}", f"{base}/list") == b"\n2 304"
    assert run(*curl, "-r", "5-9", f"{base}/large") == b"xxxxx\n2 206"
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(range(256)) * 2000)
    assert run(*curl, "--data-binary", f"@{upload}", f"{base}/up") == upload.read_bytes() + b"\n2 200"
    assert run(*curl, "-T", "-", f"{base}/up", input=b"of unknown length") == b"of unknown length\n2 200"


@pytest.mark.skipif(shutil.which("nghttp") is None, reason="needs nghttp2-client")
def test_nghttp(larder):
    base = "https://localhost:%d" % larder.address[1]
    out = run("nghttp", "-nv", "-m", "20", f"{base}/large", f"{base}/list").decode()
    assert out.count("recv DATA frame") > 20 and "GOAWAY" not in out.split("recv SETTINGS")[0]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs nodejs")
def test_node(larder, tmp_path):
    script = tmp_path / "client.mjs"
    script.write_text("""
import http2 from 'node:http2';
import { readFileSync } from 'node:fs';
const [base, ca] = process.argv.slice(2);
const session = http2.connect(base, { ca: readFileSync(ca) });
const ask = (fields, body) => new Promise((done, failed) => {
  const stream = session.request(fields);
  const answer = { bytes: 0 };
  stream.on('response', head => { answer.status = head[':status']; answer.cache = head['cache-status']; });
  stream.on('data', piece => { answer.bytes += piece.length; });
  stream.on('end', () => done(answer));
  stream.on('error', failed);
  stream.end(body);
});
const answers = await Promise.all([...Array.from({ length: 50 }, () => ask({ ':path': '/large' })),
  ask({ ':path': '/up', ':method': 'POST' }, Buffer.alloc(300000, 'y'))]);
session.close();
console.log(JSON.stringify(answers));
""")
    answers = json.loads(run("node", str(script), "https://localhost:%d" % larder.address[1], str(authority().ca)))
    assert [(answer["status"], answer["bytes"]) for answer in answers] == [(200, 500_000)] * 50 + [(200, 300_000)]
