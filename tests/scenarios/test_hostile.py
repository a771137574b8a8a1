"""The gate in the real binary: ambiguous requests are not forwarded, and requests of other clients are not affected."""

import pytest
from harness import DEFAULT_PORT, SCHEME, Client, Larder, Origin, reply

H = "Host: a\r\n"
LONG = "x" * 20_000

# (description, the bytes of the request, the status of the response)
REQUESTS = [
    # The request line.
    ("no method", " / HTTP/1.1\r\n" + H + "\r\n", 400),
    ("no target", "GET HTTP/1.1\r\n" + H + "\r\n", 400),
    ("two blanks before the target", "GET  / HTTP/1.1\r\n" + H + "\r\n", 400),
    ("two blanks before the version", "GET /  HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a blank behind the version", "GET / HTTP/1.1 \r\n" + H + "\r\n", 400),
    ("a blank in the target", "GET /a b HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a tab for a blank", "GET\t/\tHTTP/1.1\r\n" + H + "\r\n", 400),
    ("no version (HTTP/0.9)", "GET /\r\n\r\n", 400),
    ("a method that is no token", "G(T / HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a method with a colon", "GET: / HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a very long method", "G" * 100 + " / HTTP/1.1\r\n" + H + "\r\n", 501),
    ("CONNECT", "CONNECT a:80 HTTP/1.1\r\n" + H + "\r\n", 501),
    ("HTTP/2.0", "GET / HTTP/2.0\r\n" + H + "\r\n", 505),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("HTTP/1.2", "GET / HTTP/1.2\r\n" + H + "\r\n", 505),
    ("HTTP/0.9 by name", "GET / HTTP/0.9\r\n" + H + "\r\n", 505),
    ("HTTP/3.0", "GET / HTTP/3.0\r\n" + H + "\r\n", 505),
    ("HTTP/1.", "GET / HTTP/1.\r\n" + H + "\r\n", 400),
    ("HTTP/11", "GET / HTTP/11\r\n" + H + "\r\n", 400),
    ("HTTP/1.10", "GET / HTTP/1.10\r\n" + H + "\r\n", 400),
    ("http/1.1", "GET / http/1.1\r\n" + H + "\r\n", 400),
    ("HTTPS/1.1", "GET / HTTPS/1.1\r\n" + H + "\r\n", 400),
    ("HTP/1.1", "GET / HTP/1.1\r\n" + H + "\r\n", 400),
    ("a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" + H + "\r\n", 400),
    ("NUL in the request line", "GET /\x00 HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a response", "HTTP/1.1 200 OK\r\n\r\n", 400),
    # The target.
    ("a target without a slash", "GET a HTTP/1.1\r\n" + H + "\r\n", 400),
    ("an asterisk with GET", "GET * HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a fragment", "GET /a#b HTTP/1.1\r\n" + H + "\r\n", 400),
    ("another scheme", "GET ftp://a/ HTTP/1.1\r\n" + H + "\r\n", 400),
    ("an absolute target without a host", "GET http:///a HTTP/1.1\r\n" + H + "\r\n", 400),
    ("an absolute target with a user", "GET http://u@a/ HTTP/1.1\r\n" + H + "\r\n", 400),
    ("an absolute target of another host", f"GET {SCHEME}://b/ HTTP/1.1\r\n" + H + "\r\n", 400),
    ("an absolute target of another port", f"GET {SCHEME}://a:81/ HTTP/1.1\r\n" + H + "\r\n", 400),
    ("bytes beyond ASCII in the target", "GET /\xe9 HTTP/1.1\r\n" + H + "\r\n", 400),
    ("DEL in the target", "GET /\x7f HTTP/1.1\r\n" + H + "\r\n", 400),
    ("a long target", "GET /" + LONG + " HTTP/1.1\r\n" + H + "\r\n", 414),
    ("a long target that does not end", "GET /" + "x" * 30_000, 414),
    # Host.
    ("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", "GET / HTTP/1.1\r\n" + H + "Host: b\r\n\r\n", 400),
    ("two equal Hosts", "GET / HTTP/1.1\r\n" + H + H + "\r\n", 400),
    ("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" + H + H + "\r\n", 400),
    ("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    ("a Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("a Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    ("a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    ("a Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
    ("a Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    ("a Host with a query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400),
    # Field lines.
    ("a folded line", "GET / HTTP/1.1\r\n" + H + "X: 1\r\n 2\r\n\r\n", 400),
    ("a line folded with a tab", "GET / HTTP/1.1\r\n" + H + "X: 1\r\n\t2\r\n\r\n", 400),
    ("a fold that hides a framing field", "POST / HTTP/1.1\r\n" + H + "X: 1\r\n Content-Length: 5\r\n\r\nhello", 400),
    ("white space before the first field", "GET / HTTP/1.1\r\n X: 1\r\n" + H + "\r\n", 400),
    ("a blank before the colon", "GET / HTTP/1.1\r\n" + H + "X : 1\r\n\r\n", 400),
    ("a tab before the colon", "GET / HTTP/1.1\r\n" + H + "X\t: 1\r\n\r\n", 400),
    ("Content-Length with a blank before the colon", "POST / HTTP/1.1\r\n" + H + "Content-Length : 5\r\n\r\nhello", 400),
    ("no colon", "GET / HTTP/1.1\r\n" + H + "X\r\n\r\n", 400),
    ("no name", "GET / HTTP/1.1\r\n" + H + ": 1\r\n\r\n", 400),
    ("a name that is no token", "GET / HTTP/1.1\r\n" + H + "X(Y: 1\r\n\r\n", 400),
    ("a name with a blank inside", "GET / HTTP/1.1\r\n" + H + "X Y: 1\r\n\r\n", 400),
    ("a name beyond ASCII", "GET / HTTP/1.1\r\n" + H + "X\xe9: 1\r\n\r\n", 400),
    ("NUL in a name", "GET / HTTP/1.1\r\n" + H + "X\x00: 1\r\n\r\n", 400),
    ("NUL in a value", "GET / HTTP/1.1\r\n" + H + "X: a\x00b\r\n\r\n", 400),
    ("another control character in a value", "GET / HTTP/1.1\r\n" + H + "X: a\x01b\r\n\r\n", 400),
    ("DEL in a value", "GET / HTTP/1.1\r\n" + H + "X: a\x7fb\r\n\r\n", 400),
    ("a CR in a value", "GET / HTTP/1.1\r\n" + H + "X: a\rb\r\n\r\n", 400),
    ("a CR that hides a field", "GET / HTTP/1.1\r\n" + H + "X: a\rContent-Length: 5\r\n\r\n", 400),
    ("an LF without CR", "GET / HTTP/1.1\n" + H + "\r\n", 400),
    ("an LF without CR between fields", "GET / HTTP/1.1\r\n" + H + "X: 1\nY: 2\r\n\r\n", 400),
    ("an LF without CR at the end", "GET / HTTP/1.1\r\n" + H + "\n", 400),
    ("CR CR LF", "GET / HTTP/1.1\r\r\n" + H + "\r\n", 400),
    ("a long line", "GET / HTTP/1.1\r\n" + H + "X: " + LONG + "\r\n\r\n", 431),
    ("a long line that does not end", "GET / HTTP/1.1\r\n" + H + "X: " + "x" * 40_000, 431),
    ("many lines", "GET / HTTP/1.1\r\n" + H + "X: 1\r\n" * 200 + "\r\n", 431),
    ("a large head", "GET / HTTP/1.1\r\n" + H + ("X: " + "x" * 8000 + "\r\n") * 5 + "\r\n", 431),
    # Framing.
    ("CL.TE", "POST / HTTP/1.1\r\n" + H + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
    ("TE.CL", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n", 400),
    ("two lengths", "POST / HTTP/1.1\r\n" + H + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    ("two equal lengths", "POST / HTTP/1.1\r\n" + H + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    ("a list of lengths", "POST / HTTP/1.1\r\n" + H + "Content-Length: 5, 5\r\n\r\nhello", 400),
    ("a length with a sign", "POST / HTTP/1.1\r\n" + H + "Content-Length: +5\r\n\r\nhello", 400),
    ("a negative length", "POST / HTTP/1.1\r\n" + H + "Content-Length: -5\r\n\r\nhello", 400),
    ("a hexadecimal length", "POST / HTTP/1.1\r\n" + H + "Content-Length: 0x5\r\n\r\nhello", 400),
    ("a length with a blank inside", "POST / HTTP/1.1\r\n" + H + "Content-Length: 5 5\r\n\r\nhello", 400),
    ("an empty length", "POST / HTTP/1.1\r\n" + H + "Content-Length:\r\n\r\nhello", 400),
    ("a fraction", "POST / HTTP/1.1\r\n" + H + "Content-Length: 5.0\r\n\r\nhello", 400),
    ("a length out of reach", "POST / HTTP/1.1\r\n" + H + "Content-Length: 99999999999999999999999\r\n\r\nhello", 400),
    ("a length of 2^63", "POST / HTTP/1.1\r\n" + H + "Content-Length: 9223372036854775808\r\n\r\nhello", 400),
    ("chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 400),
    ("chunked twice", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice over two lines", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE.TE", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400),
    ("chunked not last", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    ("gzip, chunked", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("identity", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: identity\r\n\r\nhello", 501),
    ("xchunked", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("chunked with a parameter", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
    ("an empty Transfer-Encoding", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    ("a quoted chunked", "POST / HTTP/1.1\r\n" + H + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    ("something behind a chunk size and a blank", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5 x\r\nhello\r\n0\r\n\r\n", 400),
    ("an expectation of something else", "POST / HTTP/1.1\r\n" + H + "Expect: tea\r\nContent-Length: 0\r\n\r\n", 417),
    ("a body over limits.body", "POST / HTTP/1.1\r\n" + H + "Content-Length: 200000\r\n\r\n", 413),
    # The chunked body.
    ("a chunk of a bad size", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    ("a chunk size with 0x", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk size with a blank before it", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk size with a blank behind it", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk size with a sign", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400),
    ("an empty chunk size", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk size that overflows", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello", 400),
    ("a chunk size line with LF alone", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400),
    ("a chunk size line with CR alone", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n", 400),
    ("a chunk longer than its size", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n", 400),
    ("a chunk that ends with LF alone", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400),
    ("NUL in a chunk extension", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5;a=\x00\r\nhello\r\n0\r\n\r\n", 400),
    ("an LF in a chunk extension", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5;a=\nX\r\nhello\r\n0\r\n\r\n", 400),
    ("a long chunk extension", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5;" + LONG + "\r\nhello\r\n0\r\n\r\n", 400),
    ("Content-Length in the trailers", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
    ("Transfer-Encoding in the trailers", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("Host in the trailers", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n", 400),
    ("a folded trailer", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n 2\r\n\r\n", 400),
    ("a trailer without a colon", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n", 400),
    ("long trailers", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + ("X: " + "x" * 900 + "\r\n") * 20 + "\r\n", 431),
    ("a chunked body over limits.body", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n" + ("4000\r\n" + "x" * 0x4000 + "\r\n") * 8, 413),
]

# Unusual but unambiguous: these are forwarded.
CONTROLS = [
    ("white space before a chunk extension", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n5 ;a=b\r\nhello\r\n0\t;c\r\n\r\n"),
    ("an expectation that stands twice", "POST / HTTP/1.1\r\n" + H + "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"),
    ("an empty line first", "\r\nGET / HTTP/1.1\r\n" + H + "\r\n"),
    ("a name in lower case", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("tabs around a value", "GET / HTTP/1.1\r\nHost:\ta\t\r\n\r\n"),
    ("bytes beyond ASCII in a value", "GET / HTTP/1.1\r\n" + H + "X: \xe9\xff\r\n\r\n"),
    ("an empty value", "GET / HTTP/1.1\r\n" + H + "X:\r\n\r\n"),
    ("an absolute target", f"GET {SCHEME}://a/ HTTP/1.1\r\n" + H + "\r\n"),
    ("an absolute target with the default port", f"GET {SCHEME}://A:{DEFAULT_PORT}/ HTTP/1.1\r\n" + H + "\r\n"),
    ("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" + H + "\r\n"),
    ("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
    ("an IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
    ("a length with leading zeros", "POST / HTTP/1.1\r\n" + H + "Content-Length: 005\r\n\r\nhello"),
    ("chunked in capitals", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("an extension and a trailer", "POST / HTTP/1.1\r\n" + H + 'Transfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0\r\nX: 1\r\n\r\n'),
    ("a chunk size with leading zeros", "POST / HTTP/1.1\r\n" + H + "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n0\r\n\r\n"),
    ("an unknown method", "BREW / HTTP/1.1\r\n" + H + "\r\n"),
    ("percent signs that encode nothing", "GET /%zz%4 HTTP/1.1\r\n" + H + "\r\n"),
]

# (description, the bytes of the API before it closes). Each becomes a 502.
ANSWERS = [
    ("nothing", ""),
    ("no HTTP", "hello\r\n\r\n"),
    ("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"),
    ("a bad version", "HTTP/1.x 200 OK\r\n\r\n"),
    ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
    ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
    ("a status of 600", "HTTP/1.1 600 OK\r\n\r\n"),
    ("a status of 099", "HTTP/1.1 099 OK\r\n\r\n"),
    ("a folded line", "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n"),
    ("an LF without CR", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"),
    ("a CR without LF", "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"),
    ("NUL in a value", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    ("a blank before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
    ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab"),
    ("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    ("a length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a large head", "HTTP/1.1 200 OK\r\n" + ("X: " + "x" * 8000 + "\r\n") * 5 + "\r\n"),
    ("many lines", "HTTP/1.1 200 OK\r\n" + "X: 1\r\n" * 200 + "\r\n"),
    ("half a head", "HTTP/1.1 200 OK\r\nContent-Le"),
    ("an interim answer and no other", "HTTP/1.1 103 Early Hints\r\n\r\n"),
    ("a malformed chunk at once", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    ("something behind a chunk size and a blank", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n2 x\r\nok\r\n0\r\n\r\n"),
    ("framing in the trailers", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Length: 2\r\n\r\n"),
]


# Unusual but unambiguous responses.
PASSING = [
    ("no phrase, and no blank before it", "HTTP/1.1 200\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nfine"),
    ("white space before a chunk extension", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n4 ;a\r\nfine\r\n0 ;b\r\n\r\n"),
    ("zeros before a length", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 004\r\n\r\nfine"),
]

# Refused with every method.
REFUSED_HEADS = [(name, "HEAD /" + start.split(" /", 1)[1], status) for name, start, status in REQUESTS if start.startswith(("GET /", "POST /"))]


def is_problem(answer, status):
    import json

    assert answer.status == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    return True


@pytest.fixture(scope="module")
def served():
    origin = Origin()
    origin.default = reply(200, {}, b"fine")
    with Larder(origin, settings="limits: {body: 100KiB}") as larder:
        yield larder, origin
    origin.close()


@pytest.mark.parametrize("request_bytes, status", [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_a_hostile_request_is_refused_and_not_forwarded(served, request_bytes, status):
    larder, origin = served
    before = len(origin.seen())
    with larder.client() as bystander, larder.client() as client:
        client.send(request_bytes)
        answer = client.response()
        assert is_problem(answer, status)
        assert answer["Connection"] == "close"
        assert client.ended()
        assert len(origin.seen()) == before
        assert bystander.get("/well-behaved").body == b"fine"


@pytest.mark.parametrize("request_bytes", [row[1] for row in CONTROLS], ids=[row[0] for row in CONTROLS])
def test_an_odd_but_unambiguous_request_passes(served, request_bytes):
    larder, _ = served
    with larder.client() as client:
        client.send(request_bytes)
        assert client.response().body == b"fine"


@pytest.mark.parametrize("answer", [row[1] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_an_ill_framed_answer_becomes_a_502_and_is_not_stored(served, answer):
    larder, origin = served

    def script(exchange):
        exchange.send(answer.encode("latin-1"))
        return Origin.CLOSE

    origin.on("/bad", script)
    with larder.client() as client:
        for _ in range(2):
            assert is_problem(client.get("/bad"), 502)
        assert client.get("/good").body == b"fine"
    assert larder.metric("larder_store_entries") == 0


@pytest.mark.parametrize("answer", [row[1] for row in PASSING], ids=[row[0] for row in PASSING])
def test_an_odd_but_unambiguous_answer_is_passed_on_and_stored(served, answer):
    larder, origin = served
    target = f"/odd/{PASSING.index(next(row for row in PASSING if row[1] == answer))}"
    origin.on(target, answer.encode())
    with larder.client() as client:
        for _ in range(2):
            got = client.get(target)
            assert (got.status, got.body, got["Content-Length"]) == (200, b"fine", "4")
    assert len(origin.seen(target)) == 1


@pytest.mark.parametrize("request_bytes, status", [row[1:] for row in REFUSED_HEADS], ids=[row[0] for row in REFUSED_HEADS])
def test_a_refused_head_is_answered_without_a_body(served, request_bytes, status):
    larder, _ = served
    with larder.client() as client:
        client.send(request_bytes)
        answer = client.response("HEAD")
        assert (answer.status, answer["Content-Type"]) == (status, "application/problem+json")
        assert int(answer["Content-Length"]) > 0  # RFC 9110 8.6: what a GET would get
        assert client.ended()


def test_the_admin_listener_refuses_a_head_without_a_body(served):
    larder, _ = served
    with Client(larder.admin) as client:
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert client.response("HEAD").status == 400
        assert client.ended()


def test_a_defect_in_mid_body_of_a_passing_answer_breaks_the_transfer(served):
    larder, origin = served

    def script(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n")
        return Origin.CLOSE

    origin.on("/late", script)
    answer = larder.get("/late")
    assert answer.status == 200
    assert not answer.complete


def test_refusals_are_counted_by_their_reason(served):
    larder, _ = served
    before = larder.metric('larder_refused_total{reason="several_hosts"}')
    with larder.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        client.response()
    assert larder.metric('larder_refused_total{reason="several_hosts"}') == before + 1


def test_bytes_after_a_refused_request_are_not_read_as_a_request(served):
    larder, origin = served
    before = len(origin.seen())
    with larder.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().status == 400
        assert client.ended()
    assert len(origin.seen()) == before


def test_the_table_is_large_enough():
    assert len(REQUESTS) + len(ANSWERS) >= 120
