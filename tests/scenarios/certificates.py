"""Certificates of an authority for tests, made with openssl(1)."""

import functools
import pathlib
import ssl
import subprocess
import tempfile


class Authority:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="larder-tls-")
        self.ca = self.path("ca.pem")
        self._run("req", "-x509", *self._new_key("ca"), "-out", self.ca, "-days", "3650", "-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:TRUE",
                  "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return pathlib.Path(self.directory.name) / name

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key"))

    def _run(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

    def make(self, name, names="DNS:localhost,IP:127.0.0.1,IP:::1", days=365, subject=None):
        """Writes NAME.pem and NAME.key. With `days` 0 the certificate has expired long ago."""
        request, extensions = self.path(name + ".csr"), self.path(name + ".ext")
        extensions.write_text("subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + (f"subjectAltName={names}\n" if names else ""))
        self._run("req", *self._new_key(name), "-out", request, "-subj", subject or f"/CN={name}")
        if days == 0:
            self._issue_expired(name)
            return self.files(name)
        self._run("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"), "-set_serial", abs(hash((name, names, days))), "-out",
                  self.path(name + ".pem"), "-days", days, "-extfile", extensions)
        return self.files(name)

    def _issue_expired(self, name):
        # x509(1) takes no date in the past in every version; ca(1) does.
        settings = self.path("ca.cnf")
        settings.write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.path('index')}\nnew_certs_dir={self.directory.name}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        self.path("index").touch()
        self._run("ca", "-batch", "-config", settings, "-in", self.path(name + ".csr"), "-cert", self.ca, "-keyfile", self.path("ca.key"), "-startdate",
                  "20200101000000Z", "-enddate", "20200102000000Z", "-extfile", self.path(name + ".ext"), "-notext", "-out", self.path(name + ".pem"))

    def files(self, name):
        return f"certificate: {self.path(name + '.pem')}, key: {self.path(name + '.key')}"

    def client_context(self, certificate=None, alpn=("http/1.1",)):
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(list(alpn))
        if certificate:
            context.load_cert_chain(self.path(certificate + ".pem"), self.path(certificate + ".key"))
        return context

    def server_context(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(certificate + ".pem"), self.path(certificate + ".key"))
        return context


@functools.cache
def authority():
    """One for the whole run, with the certificate `server` for this host."""
    made = Authority()
    made.make("server")
    return made
