#!/usr/bin/env python3
"""Takes events of a Firstline webhook, verifies and prints them: receiver.py SECRET-FILE [PORT]"""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time


def verified(headers, body, secrets, now):
    """The event's name, when it was signed with one of the secrets in the last five minutes."""
    name, at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(now - int(at)) > 300:
        raise ValueError("too old or too new")
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        good = base64.b64encode(hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(f"v1,{good}", one) for one in headers["webhook-signature"].split()):
            return name
    raise ValueError("not signed")


class Receiver(http.server.BaseHTTPRequestHandler):
    seen = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            name = verified(self.headers, body, self.server.secrets, time.time())
        except (KeyError, TypeError, ValueError) as why:
            self.send_error(401, str(why))
            return
        if name not in self.seen:
            self.seen.add(name)
            event = json.loads(body)
            print(event["timestamp"], event["type"], json.dumps(event["data"]), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8099), Receiver)
    server.secrets = open(sys.argv[1], encoding="ascii").read().split()
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
