"""A listener with the default settings, as testssl.sh sees it. run.sh brings what this needs."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "scenarios"))

from certificates import Authority  # noqa: E402
from harness import Larder, Origin, reply  # noqa: E402

# BREACH guesses a secret in a compressed response that also repeats input of the attacker. Whether responses do that is the API's
# affair; larder compresses what the API would compress, and `compress: off` is the setting for a route that must not.
EXCLUDED = {"BREACH"}
# What testssl.sh could not find out (a warning), for a reason that is not the listener's: openssl(1) has no GOST ciphers here; with
# TLS 1.3, openssl(1) may close the connection before the ticket arrives. test_tls.py has resumption.
UNDETERMINED = {"engine_problem", "sessionresumption_ticket"}
HARMLESS = {"OK", "INFO", "LOW"}
# One finding of each part of the report, by the names of the versions in Debian 12 and 13.
SECTIONS = [{"TLS1_3"}, {"cipherlist_NULL"}, {"FS", "PFS"}, {"cert_chain_of_trust"}, {"heartbleed"}, {"cipher_order"}]


def test_testssl_finds_nothing_above_low(tmp_path):
    authority = Authority()
    # testssl.sh also judges the certificate, which must say how its revocation can be learnt.
    files = authority.make("server", names="DNS:localhost,IP:127.0.0.1\ncrlDistributionPoints=URI:http://localhost/ca.crl", days=90)
    report = ROOT / "build" / "testssl.json"
    report.unlink(missing_ok=True)
    report.parent.mkdir(exist_ok=True)
    origin = Origin()
    try:
        origin.on("/", reply(200, {"Content-Type": "text/html"}, b"<p>hello</p>" * 200))
        with Larder(origin, routes="  - {path: /**, ttl: 1h}", listen=f'{{address: "127.0.0.1:0", tls: {{{files}}}, hsts: 8760h}}') as larder:
            command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1", "--add-ca", str(authority.ca), "--jsonfile", str(report),
                       "-p", "-s", "-f", "-S", "-P", "-U", f"localhost:{larder.addresses[0][1]}"]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=800, env={**os.environ, "TMPDIR": str(tmp_path)})
    finally:
        origin.close()
    findings = json.loads(report.read_text())
    found = {finding["id"].split(" ")[0]: finding["severity"] for finding in findings}
    for names in SECTIONS:
        assert names & found.keys(), f"testssl.sh says nothing about {' or '.join(names)}: {ran.stdout[-2000:]}"
    def is_bad(finding):
        name, severity = finding["id"].split(" ")[0], finding["severity"]
        return severity not in HARMLESS and name not in EXCLUDED and not (severity == "WARN" and name in UNDETERMINED)

    bad = [finding for finding in findings if is_bad(finding)]
    assert not bad, json.dumps(bad, indent=1)
